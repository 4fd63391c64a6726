/**
 * A response's head as HTTP/1 text, with header names spelled as the listener's header_key_format asks.
 */
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { encodePreservedCase, encodeProperCase } from '#proxy/http/header-case.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { Headers } from '#wire/headers.ts';
import { oldStatusLine, reason, statusLine } from '#wire/http1/reason.ts';

/** @returns status line, fields and the empty line */
export function encodeResponseHead(stream: HttpStream, options: Http1ProtocolOptions): string {
  const { responseHeaders } = stream;
  const line = stream.protocol === 'HTTP/1.0' ? oldStatusLine(stream.responseCode) : statusLine(stream.responseCode);
  if (options.headerFormat === 'lower') return `${responseHeaders.encode(line)}\r\n`;
  if (options.headerFormat === 'proper_case_words') return `${encodeProperCase(responseHeaders, line)}\r\n`;
  const phrase =
    options.preserveCase?.forwardReasonPhrase && stream.responseReason !== ''
      ? stream.responseReason
      : reason(stream.responseCode);
  return `${encodePreservedCase(responseHeaders, `${line.slice(0, 'HTTP/1.x'.length)} ${stream.responseCode} ${phrase}\r\n`, options.preserveCase)}\r\n`;
}

export function encodeInterimHead(status: number, headers: Headers): string {
  return `${headers.encode(statusLine(status))}\r\n`;
}
