/**
 * Counts what handshakes came to, for one listener or cluster: how many, and with which version, cipher, curve and signature.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats#tls-statistics
 */
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';
import { type TlsStats, tlsStats } from '#proxy/observe/stats/tls-stats.ts';

/** What a handshake chose, by the names of OpenSSL; empty where not known. */
export interface Negotiated {
  version: string;
  cipher: string;
  curve: string;
  signatureAlgorithm: string;
  sessionReused: boolean;
  peerPresented: boolean;
}

export class TlsCounters {
  readonly stats: TlsStats;
  private readonly scope: Scope;
  private readonly byName = new Map<string, Counter>();

  /** @param scope of the listener or the cluster. */
  constructor(scope: Scope) {
    this.scope = scope.scope('ssl');
    this.stats = tlsStats(this.scope);
  }

  handshakeDone(negotiated: Negotiated): void {
    this.stats.handshake.inc();
    if (negotiated.sessionReused) this.stats.sessionReused.inc();
    if (!negotiated.peerPresented) this.stats.noCertificate.inc();
    this.count('versions', negotiated.version);
    this.count('ciphers', negotiated.cipher);
    this.count('curves', negotiated.curve);
    this.count('sigalgs', negotiated.signatureAlgorithm);
  }

  private count(group: string, name: string): void {
    if (name === '') return;
    const key = `${group}.${name}`;
    let counter = this.byName.get(key);
    if (counter === undefined) {
      counter = this.scope.counter(key);
      this.byName.set(key, counter);
    }
    counter.inc();
  }
}
