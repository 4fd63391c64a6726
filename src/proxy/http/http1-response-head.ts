/**
 * A response's head as HTTP/1 text. Header names are spelled as the upstream spelled them where its cluster keeps case, else as the listener's
 * header_key_format asks. Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/header_casing
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
  const upstream = stream.cluster?.http.http1;
  // Only what came over the wire has a text.
  if (upstream?.headerFormat === 'preserve_case' && responseHeaders.text !== '')
    return encodeAsSpelled(stream, line, upstream.preserveCase);
  if (options.headerFormat === 'proper_case_words') return `${encodeProperCase(responseHeaders, line)}\r\n`;
  return `${responseHeaders.encode(line)}\r\n`;
}

function encodeAsSpelled(stream: HttpStream, line: string, options: Http1ProtocolOptions['preserveCase']): string {
  const { responseHeaders, responseCode } = stream;
  const forwarded = options?.forwardReasonPhrase === true ? stream.responseReason : '';
  const phrase = forwarded === '' ? reason(responseCode) : forwarded;
  const start = `${line.slice(0, 'HTTP/1.x'.length)} ${responseCode} ${phrase}\r\n`;
  return `${encodePreservedCase(responseHeaders, start, options)}\r\n`;
}

export function encodeInterimHead(status: number, headers: Headers): string {
  return `${headers.encode(statusLine(status))}\r\n`;
}
