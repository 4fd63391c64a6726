/**
 * Whether a configured OCSP response goes with the certificate, and whether the handshake may go on without one.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl#ocsp-stapling
 */
import type { DownstreamTls } from '#config/model/tls.ts';
import type { TlsStats } from '#proxy/observe/stats/tls-stats.ts';
import { ocspNextUpdate } from '#proxy/tls/ocsp-response.ts';

export class OcspStapling {
  private readonly configured: Uint8Array | undefined;
  private readonly policy: DownstreamTls['ocspStaplePolicy'];
  /** Milliseconds since the epoch; infinite where the response does not say. */
  private readonly expires: number;

  constructor(response: Uint8Array | undefined, policy: DownstreamTls['ocspStaplePolicy']) {
    this.configured = response;
    this.policy = policy;
    this.expires = response === undefined ? 0 : (ocspNextUpdate(response) ?? Number.POSITIVE_INFINITY);
  }

  /** The response to staple, while it is valid. */
  get response(): Uint8Array | undefined {
    return Date.now() < this.expires ? this.configured : undefined;
  }

  /** @param wanted whether the client asks for a response. */
  fails(wanted: boolean): boolean {
    if (!wanted || this.response !== undefined) return false;
    if (this.policy === 'MUST_STAPLE') return true;
    return this.policy === 'STRICT_STAPLING' && this.configured !== undefined;
  }

  count(wanted: boolean, stats: TlsStats): void {
    if (!wanted) return;
    stats.ocspStapleRequests.inc();
    if (this.fails(wanted)) stats.ocspStapleFailed.inc();
    else if (this.response === undefined) stats.ocspStapleOmitted.inc();
    else stats.ocspStapleResponses.inc();
  }
}
