/**
 * Sends commands to hosts: to one by its key, to mirrors beside it, and again to whoever a host says has the key.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis
 */
import type { RedisClient, RedisWaiter } from '#proxy/network/redis/redis-client.ts';
import { IGNORED } from '#proxy/network/redis/redis-client.ts';
import type { RedisCluster, RedisCommand } from '#proxy/network/redis/redis-cluster.ts';
import { isRead } from '#proxy/network/redis/redis-commands.ts';
import type { RoutedKey } from '#proxy/network/redis/redis-router.ts';
import type { RedisSession } from '#proxy/network/redis/redis-session.ts';
import { encodeCommand } from '#wire/redis/resp-value.ts';

const ASKING = encodeCommand(['asking']);
const MINUS = 0x2d;

/**
 * Sends a command to the host of its key.
 * @param client a connection of a transaction, which all its commands go over
 */
export function dispatch(
  session: RedisSession,
  { route, key }: RoutedKey,
  name: string,
  bytes: Buffer,
  waiter: RedisWaiter,
  client?: RedisClient,
): void {
  const { router, worker } = session.proxy;
  const command: RedisCommand = { name, bytes, reads: isRead(name) };
  const target = command.reads && route.readCluster !== '' && client === undefined ? route.readCluster : route.cluster;
  const cluster = router.cluster(target);
  if (cluster === undefined) return waiter.onFailure(true);
  if (client !== undefined) client.send(name, bytes, waiter);
  else cluster.send(key, command, session.connection, redirecting(cluster, command, waiter));
  for (const { cluster: mirror, fraction, excludeReadCommands } of route.mirrors) {
    if (excludeReadCommands && command.reads) continue;
    if (fraction !== undefined && !worker.runtime.enabled(fraction, worker.random.uint32())) continue;
    router.cluster(mirror)?.send(key, command, session.connection, IGNORED);
  }
}

/** Follows a host that says where the key is; the client never hears of it, unless nobody is there. */
export function redirecting(cluster: RedisCluster, command: RedisCommand, client: RedisWaiter): RedisWaiter {
  const waiter = cluster.watches('failures') ? tellingFailures(cluster, client) : client;
  if (!cluster.settings.enableRedirection) return waiter;
  return {
    onReply(reply) {
      const redirection = reply[0] === MINUS ? /^-(MOVED|ASK) \d+ (\S+)\r\n$/.exec(reply.latin1Slice()) : null;
      if (redirection === null) return waiter.onReply(reply);
      const [, word, address] = redirection;
      const host = cluster.hostAt(address);
      if (host === undefined) return waiter.onReply(reply);
      cluster.wentWrong('redirections');
      if (word === 'ASK') cluster.sendTo(host, { name: 'asking', bytes: ASKING, reads: true }, IGNORED);
      cluster.sendTo(host, command, waiter);
    },
    onFailure: (unreachable) => waiter.onFailure(unreachable),
  };
}

function tellingFailures(cluster: RedisCluster, waiter: RedisWaiter): RedisWaiter {
  return {
    onReply: (reply) => waiter.onReply(reply),
    onFailure(unreachable) {
      if (!unreachable) cluster.wentWrong('failures');
      waiter.onFailure(unreachable);
    },
  };
}
