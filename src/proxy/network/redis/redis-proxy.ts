/**
 * The Redis proxy: sends the commands of clients to the hosts that have their keys.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/redis_proxy_filter
 */
import type { Socket } from 'node:net';
import type { RedisFault, RedisProxyConfig } from '#config/model/redis-proxy.ts';
import { REDIS_PROXY, readRedisProxy } from '#config/read/redis-proxy.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { FilterChainParts } from '#proxy/listeners/filter-chain-in-use.ts';
import { type TerminalInUse, terminalFilter } from '#proxy/network/network-filter.ts';
import { type CommandKind, commandKinds } from '#proxy/network/redis/redis-commands.ts';
import { RedisRouter } from '#proxy/network/redis/redis-router.ts';
import { RedisSession } from '#proxy/network/redis/redis-session.ts';
import {
  type CommandStats,
  commandStats,
  type RedisProxyStats,
  redisProxyStats,
} from '#proxy/network/redis/redis-stats.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

export const redisProxy = terminalFilter<RedisProxyConfig>({
  name: 'envoy.filters.network.redis_proxy',
  message: REDIS_PROXY,
  config: (message, at, context) => readRedisProxy(message, at, context),
  use: (config, parts) => new RedisProxyInUse(config, parts),
});

export interface KnownCommand {
  kind: CommandKind;
  stats: CommandStats;
}

export class RedisProxyInUse implements TerminalInUse {
  active = 0;
  readonly config: RedisProxyConfig;
  readonly worker: WorkerContext;
  readonly stats: RedisProxyStats;
  readonly router: RedisRouter;
  private readonly drainsNow: () => boolean;
  /** By name in lower case. */
  readonly commands = new Map<string, KnownCommand>();
  private readonly sessions = new Set<RedisSession>();

  constructor(config: RedisProxyConfig, { worker, drainsNow }: FilterChainParts) {
    this.config = config;
    this.worker = worker;
    this.drainsNow = drainsNow;
    const scope = worker.scope.scope(`redis.${config.statPrefix}`);
    this.stats = redisProxyStats(scope);
    for (const [name, kind] of commandKinds(config.customCommands)) {
      const stats = commandStats(scope.scope(`command.${name}`), config.latencyInMicros);
      this.commands.set(name, { kind, stats });
    }
    this.router = new RedisRouter(config, worker);
  }

  begin(): boolean {
    this.active++;
    this.stats.cxTotal.inc();
    this.stats.cxActive.inc();
    return true;
  }

  lost(): void {
    this.active--;
    this.stats.cxActive.dec();
  }

  accept(socket: Socket, connection: DownstreamConnection): SocketOwner {
    const session = new RedisSession(this, socket, connection);
    this.sessions.add(session);
    return {
      onRead: (count, bytes) => session.onRead(count, bytes),
      onEnd: () => session.onEnd(),
      onDrain: () => session.onDrain(),
      onClose: () => {
        this.sessions.delete(session);
        this.lost();
        session.onClose();
      },
    };
  }

  /** Whether a connection whose commands are done is to close. */
  drainCloses(): boolean {
    const { runtime, random } = this.worker;
    return this.drainsNow() && runtime.percentEnabled('redis.drain_close_enabled', 100, random.uint32());
  }

  /** Those without a command under way close; others with its answer. */
  drain(): void {
    for (const session of [...this.sessions]) if (session.idle) session.close();
  }

  closeAll(): void {
    for (const session of [...this.sessions]) session.close();
    this.router.close();
  }

  /** The fault that a command is to have: each takes its share of one throw of the dice. */
  faultFor(command: string): RedisFault | undefined {
    const { faults } = this.config;
    if (faults.length === 0) return undefined;
    const named = faults.filter(({ commands }) => commands.includes(command));
    const random = this.worker.random.uint32() % 100;
    let upTo = 0;
    for (const fault of named.length > 0 ? named : faults.filter(({ commands }) => commands.length === 0)) {
      const { numerator, denominator, runtimeKey } = fault.fraction;
      upTo += this.worker.runtime.integer(runtimeKey, Math.floor((numerator * 100) / denominator));
      if (random < upTo) return fault;
    }
    return undefined;
  }
}
