/**
 * What a client is told of a request that could not be parsed, by the parser's error: status, Envoy's response-code details, counters.
 */

import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import { ParseError, parseErrorText } from '#wire/http1/parse-error.ts';

interface Refusal {
  status: number;
  details: string;
  body: string;
}

const badRequest = (details: string): Refusal => ({ status: 400, details, body: 'Bad Request' });
const codecError = badRequest('http1.codec_error');

const refusals = new Map<number, Refusal>([
  [
    ParseError.HeadTooLarge,
    { status: 431, details: 'http1.headers_too_large', body: 'Request Header Fields Too Large' },
  ],
  [
    ParseError.TooManyFields,
    { status: 431, details: 'http1.too_many_headers', body: 'Request Header Fields Too Large' },
  ],
  [ParseError.OldVersion, { status: 426, details: 'low_version', body: 'Upgrade Required' }],
  [ParseError.BadFieldValue, badRequest('http1.invalid_characters')],
  [ParseError.LengthAndChunked, badRequest('http1.content_length_and_chunked_not_allowed')],
  [
    ParseError.BadTransferEncoding,
    { status: 501, details: 'http1.invalid_transfer_encoding', body: 'Not Implemented' },
  ],
  [ParseError.Underscore, badRequest('http1.unexpected_underscore')],
  [ParseError.InvalidUrl, badRequest('http1.invalid_url')],
  [ParseError.InvalidScheme, badRequest('http1.invalid_scheme')],
  [ParseError.InvalidHost, badRequest('http.invalid_authority')],
  [ParseError.NominatedField, badRequest('http1.connection_header_rejected')],
]);

/** Answers a request that is not HTTP, counts it, and says why in the log. */
export function refuseRequest(stream: HttpStream, error: number): void {
  const refusal = refusals.get(error) ?? codecError;
  const { manager } = stream;
  manager.stats.downstreamCxProtocolError.inc();
  manager.log.debug(() => `[C${stream.connection.id}] dispatch error: ${parseErrorText(error)}`);
  const { status, body, details } = refusal;
  sendLocalReply(stream, status, body, details, undefined, Flag.DownstreamProtocolError);
}
