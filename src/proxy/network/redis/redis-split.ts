/**
 * Commands with several keys: one for each key, to wherever it is, and one answer of all.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis#supported-commands
 */
import { dispatch } from '#proxy/network/redis/redis-dispatch.ts';
import {
  NO_UPSTREAM_HOST,
  type RedisRequest,
  UPSTREAM_FAILURE,
  UPSTREAM_PROTOCOL_ERROR,
} from '#proxy/network/redis/redis-request.ts';
import { encodeCommand, errorReply, integerReply, simpleReply } from '#wire/redis/resp-value.ts';

const MINUS = 0x2d;
const COLON = 0x3a;
const PLUS = 0x2b;
const OK = '+OK\r\n';

/** MGET: the values in the order of their keys, an error in the place of one that could not be had. */
export function splitMget(request: RedisRequest): void {
  const keys = request.args.slice(1);
  askEach(
    request,
    keys.length,
    (i) => ['get', keys[i]],
    (replies) => {
      const values = replies.map((reply) =>
        reply[0] === COLON || reply[0] === PLUS ? UPSTREAM_PROTOCOL_ERROR : reply,
      );
      request.answer(Buffer.concat([Buffer.from(`*${values.length}\r\n`), ...values]), !values.some(isError));
    },
  );
}

/** MSET: OK, or how many were not set. */
export function splitMset(request: RedisRequest): void {
  const pairs = request.args.slice(1);
  if (pairs.length % 2 !== 0) {
    return request.answer(errorReply(`wrong number of arguments for '${request.nameAsSent}' command`), false);
  }
  askEach(
    request,
    pairs.length / 2,
    (i) => ['set', pairs[2 * i], pairs[2 * i + 1]],
    (replies) => {
      const errors = replies.filter((reply) => reply.latin1Slice() !== OK).length;
      request.answer(errors === 0 ? simpleReply('OK') : finishedWith(errors), errors === 0);
    },
  );
}

/** DEL, EXISTS, TOUCH, UNLINK: the sum of the numbers. */
export function splitSum(request: RedisRequest): void {
  const keys = request.args.slice(1);
  askEach(
    request,
    keys.length,
    (i) => [request.name, keys[i]],
    (replies) => {
      const errors = replies.filter((reply) => reply[0] !== COLON).length;
      if (errors > 0) return request.answer(finishedWith(errors), false);
      const sum = replies.reduce((total, reply) => total + Number(reply.latin1Slice(1, reply.length - 2)), 0);
      request.answer(integerReply(sum), true);
    },
  );
}

function finishedWith(errors: number): Buffer {
  return errorReply(`finished with ${errors} error(s)`);
}

function isError(reply: Buffer): boolean {
  return reply[0] === MINUS;
}

/** @param commandOf the command for one of them, whose key comes second. @param done gets all replies, in order */
function askEach(
  request: RedisRequest,
  count: number,
  commandOf: (index: number) => [name: string, key: Buffer, ...more: Buffer[]],
  done: (replies: Buffer[]) => void,
): void {
  const { session } = request;
  const replies = new Array<Buffer>(count);
  let waiting = count;
  const settle = (index: number, reply: Buffer) => {
    replies[index] = reply;
    if (--waiting === 0) done(replies);
  };
  for (let i = 0; i < count; i++) {
    const [name, key, ...more] = commandOf(i);
    const routed = session.proxy.router.route(key);
    if (routed === undefined) settle(i, NO_UPSTREAM_HOST);
    else {
      dispatch(session, routed, name, encodeCommand([name, routed.key, ...more]), {
        onReply: (reply) => settle(i, reply),
        onFailure: (unreachable) => settle(i, unreachable ? NO_UPSTREAM_HOST : UPSTREAM_FAILURE),
      });
    }
  }
}
