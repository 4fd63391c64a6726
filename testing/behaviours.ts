/**
 * Ways for an upstream of a test to behave, to be combined: `inTurn(resetBeforeAnswer, answer('second'))`.
 */
import type { Behaviour, Exchange } from '#testing/start-upstream.ts';

/** A response to write. */
export interface Answer {
  status?: number | string;
  headers?: Record<string, string | string[]>;
  body?: string;
  /** Send the body in chunks, one for each piece, instead of with a length. */
  chunks?: string[];
  /** Only with `chunks`. */
  trailers?: Record<string, string>;
}

const REASONS: Record<number, string> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  304: 'Not Modified',
  404: 'Not Found',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Waits for the whole request, then answers. */
export function answer(given: string | Answer = {}): Behaviour {
  const text = responseText(typeof given === 'string' ? { body: given } : given);
  return async (exchange) => {
    if ((await exchange.whole()) !== undefined)
      await exchange.write(exchange.method === 'HEAD' ? headOnly(text) : text);
  };
}

/** Waits for the whole request, then writes these bytes as they are. */
export function raw(bytes: string): Behaviour {
  return async (exchange) => {
    if ((await exchange.whole()) !== undefined) await exchange.write(bytes);
  };
}

/** Waits for the whole request, writes these bytes and ends the connection. */
export function rawAndEnd(bytes: string): Behaviour {
  return async (exchange) => {
    if ((await exchange.whole()) === undefined) return;
    await exchange.write(bytes);
    exchange.end();
  };
}

/** Waits for the whole request, writes these bytes and resets the connection. */
export function rawAndReset(bytes: string): Behaviour {
  return async (exchange) => {
    if ((await exchange.whole()) === undefined) return;
    await exchange.write(bytes);
    await settled();
    exchange.reset();
  };
}

/** Reads the request and never answers. */
export const hang: Behaviour = async (exchange) => {
  await exchange.gone;
};

/** Reads the whole request, writes these bytes, and says no more. */
export function rawThenHang(bytes: string): Behaviour {
  return async (exchange) => {
    if ((await exchange.whole()) === undefined) return;
    await exchange.write(bytes);
    await exchange.gone;
  };
}

/** Resets the connection when the head has come. */
export const resetBeforeAnswer: Behaviour = (exchange) => exchange.reset();

/** Ends the connection, in an orderly way, when the whole request has come. */
export const endBeforeAnswer: Behaviour = async (exchange) => {
  await exchange.whole();
  exchange.end();
};

/** Answers with what it received: the head's bytes, then the body. */
export const echo: Behaviour = async (exchange) => {
  const message = await exchange.whole();
  if (message === undefined) return;
  const text = responseText({ headers: { 'content-type': 'text/plain' }, body: `${message.head}${message.body}` });
  await exchange.write(exchange.method === 'HEAD' ? headOnly(text) : text);
};

/** The n-th request for the same target gets the n-th behaviour; the last one stays. */
export function inTurn(...behaviours: Behaviour[]): Behaviour {
  return (exchange) => behaviours[Math.min(exchange.seen, behaviours.length) - 1](exchange);
}

/** Chooses by the longest prefix of the target. */
export function byPath(table: Record<string, Behaviour>): Behaviour {
  const prefixes = Object.keys(table).sort((a, b) => b.length - a.length);
  return (exchange) => {
    const prefix = prefixes.find((candidate) => exchange.target.startsWith(candidate));
    return prefix === undefined ? answer({ status: 404 })(exchange) : table[prefix](exchange);
  };
}

/** @returns the bytes of a response, with a length unless it is sent in chunks or can have no body. */
export function responseText(given: Answer): string {
  const status = given.status ?? 200;
  const line = typeof status === 'string' ? status : `${status} ${REASONS[status] ?? 'Status'}`;
  const lines = [`HTTP/1.1 ${line}`];
  for (const [name, value] of Object.entries(given.headers ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`);
  }
  if (given.chunks) {
    const chunks = given.chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    const trailers = Object.entries(given.trailers ?? {})
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    return `${lines.join('\r\n')}\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n${trailers}\r\n`;
  }
  if (status !== 204 && status !== 304) lines.push(`content-length: ${(given.body ?? '').length}`);
  return `${lines.join('\r\n')}\r\n\r\n${given.body ?? ''}`;
}

function headOnly(text: string): string {
  return text.slice(0, text.indexOf('\r\n\r\n') + 4);
}

/** Lets what was written reach the peer before a reset throws it away: a reset discards what the peer has not read. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 30));
}

/** Waits for a promise that the test settles, then behaves: a delay that is an event. */
export function after(event: Promise<unknown>, then: Behaviour): Behaviour {
  return async (exchange: Exchange) => {
    await exchange.whole();
    await event;
    await then(exchange);
  };
}
