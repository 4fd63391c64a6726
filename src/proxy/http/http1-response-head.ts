/**
 * A response's head as HTTP/1 text, with header names spelled as the listener's header_key_format asks.
 */
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { encodePreservedCase, encodeProperCase } from '#proxy/http/header-case.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { Headers } from '#wire/headers.ts';
import { reason, statusLine } from '#wire/http1/reason.ts';

/** @returns status line, fields and the empty line */
export function encodeResponseHead(stream: HttpStream, options: Http1ProtocolOptions): string {
  const { responseHeaders } = stream;
  if (options.headerFormat === 'lower') return `${responseHeaders.encode(statusLine(stream.responseCode))}\r\n`;
  if (options.headerFormat === 'proper_case_words')
    return `${encodeProperCase(responseHeaders, statusLine(stream.responseCode))}\r\n`;
  const phrase =
    options.preserveCase?.forwardReasonPhrase && stream.responseReason !== ''
      ? stream.responseReason
      : reason(stream.responseCode);
  return `${encodePreservedCase(responseHeaders, `HTTP/1.1 ${stream.responseCode} ${phrase}\r\n`, options.preserveCase)}\r\n`;
}

export function encodeInterimHead(status: number, headers: Headers): string {
  return `${headers.encode(statusLine(status))}\r\n`;
}
