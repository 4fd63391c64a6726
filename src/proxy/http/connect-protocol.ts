/**
 * What the Connect protocol makes of gRPC's ends of calls. Follows https://connectrpc.com/docs/protocol
 */
import { frameHead } from '#wire/grpc/message-frames.ts';
import type { Headers } from '#wire/headers.ts';

/** An error of Connect; its message is written as gRPC has it, as by Envoy. */
export interface ConnectError {
  code: string;
  message: string;
}

/** By status of gRPC, from 1. */
const CODES = [
  'canceled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
];
const HTTP_STATUS = [499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];
const END_STREAM = 2;
const GRPC_FIELDS = new Set(['grpc-status', 'grpc-message', 'grpc-status-details-bin']);

/** @returns undefined where the call went well. */
export function errorOfGrpc(trailers: Headers): ConnectError | undefined {
  const status = trailers.get('grpc-status');
  if (status === '0') return undefined;
  const code = status === undefined ? WITHOUT_STATUS : (CODES[Number(status) - 1] ?? `code_${status}`);
  return { code, message: trailers.get('grpc-message') ?? '' };
}

/** As Envoy calls the end of a call that has no status. */
const WITHOUT_STATUS = 'code_0';

export function httpStatusOfConnect(code: string): number {
  return HTTP_STATUS[CODES.indexOf(code)] ?? 500;
}

/** An error as JSON. */
export function connectError({ code, message }: ConnectError): Buffer {
  return Buffer.from(JSON.stringify(message === '' ? { code } : { message, code }));
}

/** Trailers of a unary call come in the head, with a prefix. */
export function trailersToHead(trailers: Headers, headers: Headers): void {
  trailers.each((name, value) => {
    if (!GRPC_FIELDS.has(name) && trailers !== headers) headers.add(`trailer-${name}`, value);
  });
  for (const name of GRPC_FIELDS) headers.remove(name);
}

/** The last frame of a stream: its error and metadata in JSON. */
export function endOfStream(trailers: Headers): Buffer {
  const error = errorOfGrpc(trailers);
  const metadata: Record<string, string[]> = {};
  trailers.each((name, value) => {
    if (GRPC_FIELDS.has(name)) return;
    metadata[name] ??= [];
    metadata[name].push(value);
  });
  const body = Buffer.from(
    JSON.stringify({
      ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
      ...(error === undefined ? {} : { error: error.message === '' ? { code: error.code } : error }),
    }),
  );
  return Buffer.concat([frameHead(END_STREAM, body.length), body]);
}

/** A call in a URL: `/service/method?connect=v1&encoding=proto&base64=1&message=...`; undefined where it is none. */
export function callOfGet(
  path: string,
): { path: string; encoding: string; compression: string; message: Buffer } | undefined {
  const question = path.indexOf('?');
  if (question < 0) return undefined;
  const query = new URLSearchParams(path.slice(question + 1));
  const encoding = query.get('encoding');
  const text = query.get('message') ?? '';
  if (query.get('connect') !== 'v1' || encoding === null) return undefined;
  const message = query.get('base64') === '1' ? Buffer.from(text, 'base64url') : Buffer.from(text);
  return { path: path.slice(0, question), encoding, compression: query.get('compression') ?? 'identity', message };
}
