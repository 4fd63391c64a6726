/**
 * A TLS context that is made anew when a secret of its changes. Connections keep the one that they began with.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret#statistics
 */
import { logger } from '#base/logger.ts';
import type { CommonTls } from '#config/model/tls.ts';
import type { TlsSocketFactoryStats } from '#proxy/observe/stats/tls-stats.ts';
import { secretKeys, withSecrets } from '#proxy/tls/with-secrets.ts';
import type { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';

/** Why a connection fails whose context waits for a secret, as Envoy says it. */
export const SECRETS_NOT_READY = 'TLS error: Secret is not supplied by SDS';

export interface LiveContextParts {
  secrets: WorkerSecrets;
  stats: TlsSocketFactoryStats;
  /** This worker counts updates for all. */
  counts: boolean;
}

export class LiveContext<Tls extends CommonTls, Context> {
  /** Undefined while a secret is not there. */
  current: Context | undefined;
  private readonly stop: () => void;

  /** @throws where the context cannot be made of what is there already. */
  constructor(tls: Tls, { secrets, stats, counts }: LiveContextParts, make: (tls: Tls) => Context) {
    const build = () => {
      const filled = withSecrets(tls, secrets.find);
      return filled === undefined ? undefined : make(filled);
    };
    this.current = build();
    this.stop = secrets.onChange(secretKeys(tls), () => {
      try {
        this.current = build() ?? this.current;
        if (counts) stats.sslContextUpdateBySds.inc();
      } catch (error) {
        logger('secret').warning(`a TLS context stays as it is: ${(error as Error).message}`);
      }
    });
  }

  /** Hears of no more changes. */
  close(): void {
    this.stop();
  }
}
