/**
 * Which of several DNS servers is asked: the one that failed least lately, and of those the first. Servers that failed are tried again now and
 * then, beside a question to another, so that nobody waits for them. Follows c-ares (ares_set_server_state, ARES_OPT_SERVER_FAILOVER).
 */
import type { Random } from '#base/random.ts';

/** Milliseconds until a server that failed may be tried again. */
const RETRY_DELAY = 5000;
/** So many questions for each that tries one. */
const RETRY_CHANCE = 10;

interface Trouble {
  failures: number;
  retryAt: number;
  trying: boolean;
}

export class DnsServers {
  private readonly troubles = new Map<string, Trouble>();
  private readonly now: () => number;
  private readonly random: Pick<Random, 'uint32'>;

  /** @param now monotonic milliseconds */
  constructor(now: () => number, random: Pick<Random, 'uint32'>) {
    this.now = now;
    this.random = random;
  }

  /** @param servers at least one. @param rotate any will do */
  choose(servers: readonly string[], rotate: boolean): string {
    if (rotate) return servers[this.random.uint32() % servers.length];
    return servers.reduce((best, server) => (this.failures(server) < this.failures(best) ? server : best));
  }

  /** @returns a server that failed and is to be asked, too; then {@link succeeded} or {@link failed} must be called for it */
  retry(servers: readonly string[], asked: string): string | undefined {
    if (this.troubles.size === 0 || this.random.uint32() % RETRY_CHANCE !== 0) return undefined;
    for (const server of servers) {
      const trouble = this.troubles.get(server);
      if (trouble === undefined || server === asked || trouble.trying || this.now() < trouble.retryAt) continue;
      trouble.trying = true;
      return server;
    }
    return undefined;
  }

  succeeded(server: string): void {
    this.troubles.delete(server);
  }

  failed(server: string): void {
    const failures = this.failures(server) + 1;
    this.troubles.set(server, { failures, retryAt: this.now() + RETRY_DELAY, trying: false });
  }

  private failures(server: string): number {
    return this.troubles.get(server)?.failures ?? 0;
  }
}
