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
  [ParseError.ControlCharacter, badRequest('http1.invalid_characters')],
  [ParseError.LengthAndChunked, badRequest('http1.content_length_and_chunked_not_allowed')],
  [
    ParseError.BadTransferEncoding,
    { status: 501, details: 'http1.invalid_transfer_encoding', body: 'Not Implemented' },
  ],
  [ParseError.Underscore, badRequest('http1.unexpected_underscore')],
  [ParseError.PlaintextHttps, { status: 403, details: 'http1.https_url_on_plaintext_connection', body: 'Forbidden' }],
  [ParseError.InvalidUrl, badRequest('http1.invalid_url')],
  [ParseError.InvalidScheme, badRequest('http1.invalid_scheme')],
  [ParseError.InvalidHost, badRequest('http.invalid_authority')],
  [ParseError.NominatedField, badRequest('http1.connection_header_rejected')],
]);

const ofCodec = (text: string) => `codec_error:http/1.1_protocol_error:_${text}`;

/** Why the connection is closed then, in the words of Envoy's codec. */
const reasons = new Map<number, string>([
  [ParseError.BadMethod, ofCodec('HPE_INVALID_METHOD')],
  [ParseError.BadTarget, ofCodec('HPE_INVALID_URL')],
  [ParseError.BadVersion, ofCodec('HPE_INVALID_VERSION')],
  [ParseError.BadFieldName, ofCodec('INVALID_HEADER_NAME_CHARACTER')],
  [ParseError.BadFieldValue, ofCodec('header_value_contains_invalid_chars')],
  [ParseError.ControlCharacter, ofCodec('header_value_contains_invalid_chars')],
  [ParseError.PlaintextHttps, ofCodec('https_in_the_clear')],
  [ParseError.TooManyFields, ofCodec('headers_count_exceeds_limit')],
  [ParseError.HeadTooLarge, ofCodec('headers_size_exceeds_limit')],
  [ParseError.BadContentLength, ofCodec('UNPARSABLE_CONTENT_LENGTH')],
  [ParseError.LengthAndChunked, ofCodec("both_'Content-Length'_and_'Transfer-Encoding'_are_set.")],
  [ParseError.BadTransferEncoding, ofCodec('unsupported_transfer_encoding')],
  [ParseError.BadChunkSize, ofCodec('HPE_INVALID_CHUNK_SIZE')],
  [ParseError.Underscore, ofCodec('header_name_contains_underscores')],
  [ParseError.InvalidUrl, ofCodec('invalid_url_in_request_line')],
  [ParseError.InvalidScheme, ofCodec('invalid_scheme')],
  [ParseError.InvalidHost, ofCodec('request_headers_failed_spec_compliance_checks')],
  [ParseError.OldVersion, 'codec_error:Upgrade_required_for_HTTP/1.0_or_HTTP/0.9'],
  [ParseError.NominatedField, 'codec_error:Invalid_nominated_headers_in_Connection.'],
]);

/** @returns DOWNSTREAM_LOCAL_CLOSE_REASON of a connection on which the parser met this error */
export function refusalReason(error: number): string {
  return reasons.get(error) ?? ofCodec(parseErrorText(error).replaceAll(' ', '_'));
}

/** Answers a request that is not HTTP, counts it, and says why in the log. */
export function refuseRequest(stream: HttpStream, error: number): void {
  const refusal = refusals.get(error) ?? codecError;
  const { manager } = stream;
  manager.stats.downstreamCxProtocolError.inc();
  stream.connection.stream.setFlag(Flag.DownstreamProtocolError);
  manager.log.debug(() => `[C${stream.connection.id}] dispatch error: ${parseErrorText(error)}`);
  const { status, body, details } = refusal;
  sendLocalReply(stream, status, body, details, undefined, Flag.DownstreamProtocolError);
}
