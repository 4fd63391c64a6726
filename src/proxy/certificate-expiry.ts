/**
 * How long the certificates of all TLS contexts are good, our own and those of trusted authorities. Kept on the main thread alone.
 * Follows `ssl.certificate.<name>.expiration_unix_time_seconds` and `server.days_until_first_cert_expiring` of
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/statistics
 */
import type { Snapshot } from '#config/model/snapshot.ts';
import type { CommonTls, DownstreamTransport, TlsBytes, UpstreamTransport } from '#config/model/tls.ts';
import { listenerStatName } from '#proxy/listeners/worker-listener.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { SecretStore } from '#proxy/secret-store.ts';
import { certificatesOf } from '#proxy/tls/pem.ts';
import { withSecrets } from '#proxy/tls/with-secrets.ts';

const DAY = 86_400_000;

/** What Envoy calls those that no secret names: with the hash of an empty name. */
const UNNAMED = 'unnamed_cert_e3b0c442';
const UNNAMED_CA = 'unnamed_ca_cert_e3b0c442';

export class CertificateExpiry {
  private readonly running: () => Pick<Snapshot, 'listeners' | 'clusters'>;
  private readonly root: Scope;
  private readonly secrets: Pick<SecretStore, 'find' | 'onChange'>;
  /** Milliseconds since the epoch. */
  private first = Number.POSITIVE_INFINITY;
  private stale = false;

  /**
   * @param running what serves now
   * @param root of the main thread's stats
   */
  constructor(
    running: () => Pick<Snapshot, 'listeners' | 'clusters'>,
    root: Scope,
    secrets: Pick<SecretStore, 'find' | 'onChange'>,
  ) {
    this.running = running;
    this.root = root;
    this.secrets = secrets;
    this.look();
    secrets.onChange(() => this.changed());
  }

  /** Something else serves, or a secret is another: it is looked at when somebody next asks. */
  changed(): void {
    this.stale = true;
  }

  private look(): void {
    this.stale = false;
    const { root } = this;
    const { listeners, clusters } = this.running();
    this.first = Number.POSITIVE_INFINITY;
    for (const listener of listeners) {
      const scope = root.scope(`listener.${listenerStatName(listener)}`);
      for (const { transport } of listener.filterChains) this.add(transport, scope);
      if (listener.defaultFilterChain !== undefined) this.add(listener.defaultFilterChain.transport, scope);
    }
    for (const { statName, transport, transportSocketMatches } of clusters) {
      const scope = root.scope(`cluster.${statName}`);
      this.add(transport, scope);
      for (const match of transportSocketMatches) this.add(match.transport, scope);
    }
  }

  private add(transport: DownstreamTransport | UpstreamTransport, scope: Scope): void {
    if (transport.kind !== 'tls') return;
    const tls = withSecrets(transport.tls, this.secrets.find) ?? transport.tls;
    this.addContext(tls, scope.scope('ssl.certificate'));
  }

  private addContext({ certificates, validation }: CommonTls, scope: Scope): void {
    for (const { chain, secretName } of certificates) this.record(chain, secretName || UNNAMED, scope);
    validation?.trustDomains?.forEach(({ bundle }, i) => {
      this.record(bundle, `${validation.secretName || 'unnamed'}_ca_cert_${i}`, scope);
    });
    if (validation?.trustedCa !== undefined) {
      this.record(validation.trustedCa, validation.secretName || UNNAMED_CA, scope);
    }
  }

  private record({ pem }: TlsBytes, name: string, scope: Scope): void {
    const expires = certificatesOf(pem).at(0)?.validToDate.getTime();
    if (expires === undefined) return;
    this.first = Math.min(this.first, expires);
    scope.gauge(`${name}.expiration_unix_time_seconds`).set(Math.floor(expires / 1000));
  }

  /** @param now milliseconds since the epoch. @returns whole days, 0 where one is over; undefined: there are no certificates */
  daysUntilFirst(now: number): number | undefined {
    if (this.stale) this.look();
    return this.first === Number.POSITIVE_INFINITY ? undefined : Math.max(0, Math.floor((this.first - now) / DAY));
  }
}
