/**
 * Why a head or body was refused. Parsers answer a negative number (their hot loops return positions), which this file names.
 */

/** Not an error: more bytes are needed. */
export const INCOMPLETE = -1;

export const ParseError = {
  BadMethod: -2,
  BadTarget: -3,
  BadVersion: -4,
  BadStatusLine: -5,
  BadFieldName: -6,
  BadFieldValue: -7,
  BareLineFeed: -8,
  BareCarriageReturn: -9,
  TooManyFields: -10,
  HeadTooLarge: -11,
  BadContentLength: -12,
  LengthAndChunked: -13,
  BadTransferEncoding: -14,
  BadChunkSize: -15,
  BadChunk: -16,
  ChunkLineTooLong: -17,
  ConflictingHost: -18,
  OldVersion: -19,
  Underscore: -20,
  BodyNotAllowed: -21,
  InvalidUrl: -22,
  InvalidScheme: -23,
  InvalidHost: -24,
  NominatedField: -25,
  BadUpgrade: -26,
  ControlCharacter: -27,
  PlaintextHttps: -28,
} as const;

const words = new Map<number, string>([
  [ParseError.BadMethod, 'the method is not one that HTTP defines'],
  [ParseError.BadTarget, 'the request target has a character that may not stand there'],
  [ParseError.BadVersion, 'the version is not HTTP/1.0 or HTTP/1.1'],
  [ParseError.BadStatusLine, 'the status line is malformed'],
  [ParseError.BadFieldName, 'a header name is malformed'],
  [ParseError.BadFieldValue, 'a header value has a character that may not stand there'],
  [ParseError.BareLineFeed, 'a line ends in LF without CR'],
  [ParseError.BareCarriageReturn, 'a CR stands without LF'],
  [ParseError.TooManyFields, 'there are more headers than max_headers_count'],
  [ParseError.HeadTooLarge, 'the head is larger than max_request_headers_kb'],
  [ParseError.BadContentLength, 'content-length is not one whole number'],
  [ParseError.LengthAndChunked, 'content-length and transfer-encoding stand together'],
  [ParseError.BadTransferEncoding, 'transfer-encoding is not exactly "chunked"'],
  [ParseError.BadChunkSize, 'a chunk size is malformed or too large'],
  [ParseError.BadChunk, 'a chunk does not end in CRLF'],
  [ParseError.ChunkLineTooLong, 'a chunk extension is too long'],
  [ParseError.Underscore, 'a header name has an underscore'],
  [ParseError.BodyNotAllowed, 'a response that has no body says that it has one'],
  [ParseError.OldVersion, 'the version is not HTTP/1.1, and HTTP/1.0 is not accepted here'],
  [ParseError.InvalidUrl, 'the request target is no path, and no URL with a host'],
  [ParseError.InvalidScheme, 'the scheme of the request target is neither http nor https'],
  [ParseError.InvalidHost, 'the host has a character that may not stand there'],
  [ParseError.NominatedField, 'connection names a header that the proxy itself needs'],
  [ParseError.BadUpgrade, 'a response that switches protocols does not say to which'],
  [ParseError.ControlCharacter, 'a control character stands in the head'],
  [ParseError.PlaintextHttps, 'the request target says https, and the connection has no TLS'],
  [ParseError.ConflictingHost, 'there is more than one host'],
]);

/** @returns the error in words, for logs. */
export function parseErrorText(code: number): string {
  return words.get(code) ?? `parse error ${code}`;
}
