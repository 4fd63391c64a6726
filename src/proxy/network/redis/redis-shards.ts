/**
 * Commands without a key: to every host of the cluster, with one answer made of theirs.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis#supported-commands
 */
import type { RedisCluster } from '#proxy/network/redis/redis-cluster.ts';
import { redirecting } from '#proxy/network/redis/redis-dispatch.ts';
import { NO_UPSTREAM_HOST, type RedisRequest, UPSTREAM_FAILURE } from '#proxy/network/redis/redis-request.ts';
import {
  encodeCommand,
  encodeResp,
  errorReply,
  integerReply,
  parseResp,
  type RespValue,
} from '#wire/redis/resp-value.ts';

const NO_KEY = Buffer.alloc(0);
const MINUS = 0x2d;

/** The answers of all hosts as one: the first error, if there is one. */
export function sendToAll(request: RedisRequest): void {
  const cluster = clusterOf(request);
  const count = cluster?.shards ?? 0;
  if (cluster === undefined || count === 0) return request.answer(NO_UPSTREAM_HOST, false);
  const replies = new Array<Buffer>(count);
  let waiting = count;
  const settle = (index: number, reply: Buffer) => {
    replies[index] = reply;
    if (--waiting > 0) return;
    const error = replies.find((one) => one[0] === MINUS);
    request.answer(error ?? merged(request, replies), error === undefined);
  };
  for (let i = 0; i < count; i++) sendToShard(request, cluster, i, request.bytes, (reply) => settle(i, reply));
}

/** Any host will do. */
export function sendToAny(request: RedisRequest): void {
  const cluster = clusterOf(request);
  const count = cluster?.shards ?? 0;
  if (cluster === undefined || count === 0) return request.answer(NO_UPSTREAM_HOST, false);
  const shard = request.session.proxy.worker.random.uint32() % count;
  sendToShard(request, cluster, shard, request.bytes, (reply) => request.answer(reply, reply[0] !== MINUS));
}

/** INFO.SHARD number [section]. */
export function sendToNumbered(request: RedisRequest): void {
  const [, number, ...section] = request.args;
  const cluster = clusterOf(request);
  const shard = Number(number);
  if (cluster === undefined || !Number.isInteger(shard) || shard < 0 || shard >= cluster.shards) {
    return request.answer(errorReply('ERR invalid shard index'), false);
  }
  sendToShard(request, cluster, shard, encodeCommand(['info', ...section]), (reply) =>
    request.answer(reply, reply[0] !== MINUS),
  );
}

function clusterOf({ session }: RedisRequest): RedisCluster | undefined {
  const { router } = session.proxy;
  const routed = router.route(NO_KEY);
  return routed && router.cluster(routed.route.cluster);
}

function sendToShard(
  request: RedisRequest,
  cluster: RedisCluster,
  shard: number,
  bytes: Buffer,
  settle: (reply: Buffer) => void,
): void {
  const command = { name: request.kind === 'shard' ? 'info' : request.name, bytes, reads: false };
  const waiter = {
    onReply: settle,
    onFailure: (unreachable: boolean) => settle(unreachable ? NO_UPSTREAM_HOST : UPSTREAM_FAILURE),
  };
  cluster.sendTo(cluster.shard(shard, request.session.connection), command, redirecting(cluster, command, waiter));
}

/** Lists one behind the other, numbers added up, what all agree on once. */
function merged(request: RedisRequest, replies: readonly Buffer[]): Buffer {
  const subcommand = request.args[1]?.toString().toLowerCase() ?? '';
  const listed = ['keys', 'scan'].includes(request.name) || (request.name === 'config' && subcommand === 'get');
  if (listed || (request.name === 'slowlog' && subcommand === 'get')) {
    return encodeResp({ kind: 'array', items: replies.map(parseResp).flatMap(itemsOf) });
  }
  if (request.name === 'role') return encodeResp({ kind: 'array', items: replies.map(parseResp) });
  if (request.name === 'slowlog' && subcommand === 'len') {
    return integerReply(replies.reduce((sum, reply) => sum + Number(reply.latin1Slice(1, reply.length - 2)), 0));
  }
  return replies[0];
}

function itemsOf(value: RespValue): RespValue[] {
  return value.kind === 'array' ? value.items : [value];
}
