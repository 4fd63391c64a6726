/**
 * The gRPC status of a response. Follows https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md and
 * https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
 */
import type { StreamInfo } from '#proxy/observe/stream-info.ts';
import type { Headers } from '#wire/headers.ts';

const NAME = 'grpc-status';
const UNKNOWN = 2;
const LAST_KNOWN = 16;
/** Of a status that is no number, or none that gRPC knows. */
const INVALID = -1;

/**
 * @param last the highest status that counts as one
 * @returns what the trailers say, else the headers, else what the HTTP status comes to; undefined where there was no response
 */
export function grpcStatus(info: StreamInfo, last = LAST_KNOWN): number | undefined {
  const { responseTrailers, responseHeaders, responseCode } = info;
  return (
    (responseTrailers && written(responseTrailers, last)) ??
    written(responseHeaders, last) ??
    (responseCode === 0 ? undefined : ofHttpStatus(responseCode))
  );
}

function written(headers: Headers, last: number): number | undefined {
  const text = headers.get(NAME);
  if (text === undefined || text === '') return undefined;
  const status = /^\d+$/.test(text) ? Number(text) : INVALID;
  return status > last ? INVALID : status;
}

function ofHttpStatus(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return UNKNOWN;
  }
}
