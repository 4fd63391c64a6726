/**
 * Ways for an HTTP/2 upstream of a test to behave.
 */
import type { OutgoingHttpHeaders } from 'node:http2';
import type { Http2Behaviour, Http2Exchange } from '#testing/http2-upstream.ts';

/** A response to send. */
export interface Http2Answer {
  status?: number;
  headers?: OutgoingHttpHeaders;
  body?: string;
  trailers?: OutgoingHttpHeaders;
}

/** Waits for the whole request, then answers. */
export function answer2(given: string | Http2Answer = {}): Http2Behaviour {
  const answer = typeof given === 'string' ? { body: given } : given;
  return async (exchange) => {
    if ((await exchange.whole()) !== undefined) respond(exchange, answer);
  };
}

/** Answers, whatever came of the request. */
export function respond({ stream }: Http2Exchange, { status = 200, headers, body = '', trailers }: Http2Answer): void {
  if (stream.destroyed) return;
  if (trailers !== undefined) stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  const endStream = body === '' && trailers === undefined;
  stream.respond({ ':status': status, ...headers }, { endStream, waitForTrailers: trailers !== undefined });
  if (!endStream) stream.end(body, 'latin1');
}

/** Resets the stream when the whole request has come. */
export function reset2(code: number): Http2Behaviour {
  return async (exchange) => {
    await exchange.whole();
    exchange.stream.close(code);
  };
}

/** Sends a head and half of a body, then behaves. */
export function half2(then: (exchange: Http2Exchange) => void): Http2Behaviour {
  return async (exchange) => {
    if ((await exchange.whole()) === undefined) return;
    exchange.stream.respond({ ':status': 200, 'content-length': '10' });
    exchange.stream.write('half', () => setTimeout(() => then(exchange), 30));
  };
}

/** Never answers. */
export const hang2: Http2Behaviour = async (exchange) => {
  await exchange.gone;
};

/** Answers with what it received. */
export const echo2: Http2Behaviour = async (exchange) => {
  const message = await exchange.whole();
  if (message === undefined) return;
  const trailers = message.trailers.map(([name, value]) => `${name}: ${value}\n`).join('');
  // The order of pseudo headers is nobody's business.
  const head = message.head.split('\r\n').sort((one, other) => Number(other[0] === ':') - Number(one[0] === ':'));
  const pseudo = head.filter((line) => line[0] === ':').sort();
  const body = [...pseudo, ...head.slice(pseudo.length), message.body].join('\n');
  respond(exchange, { headers: { 'content-type': 'text/plain' }, body: `${body}\n${trailers}` });
};

/** The n-th request for the same target gets the n-th behaviour; the last one stays. */
export function inTurn2(...behaviours: Http2Behaviour[]): Http2Behaviour {
  return (exchange) => behaviours[Math.min(exchange.seen, behaviours.length) - 1](exchange);
}

/** Chooses by the longest prefix of the target. */
export function byPath2(table: Record<string, Http2Behaviour>): Http2Behaviour {
  const prefixes = Object.keys(table).sort((a, b) => b.length - a.length);
  return (exchange) => {
    const prefix = prefixes.find((candidate) => exchange.target.startsWith(candidate));
    return prefix === undefined ? answer2({ status: 404 })(exchange) : table[prefix](exchange);
  };
}
