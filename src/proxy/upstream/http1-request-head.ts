/**
 * A request's head as HTTP/1 text, with header names spelled as the cluster's header_key_format asks.
 */
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { encodePreservedCase, encodeProperCase } from '#proxy/http/header-case.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Known } from '#wire/known-headers.ts';

/** @param framingLine a line that frames the body, or nothing. @returns request line, fields and the empty line */
export function encodeRequestHead(stream: HttpStream, options: Http1ProtocolOptions, framingLine: string): string {
  const line = requestLine(stream, options);
  if (stream.host === '' && stream.requestHeaders.hasKnown(Known.host))
    return encodeWithoutHost(stream, options, framingLine);
  if (options.headerFormat === 'lower')
    return `${stream.requestHeaders.encode(`${line}host: ${stream.host}\r\n`)}${framingLine}\r\n`;
  const spelled = `${line}${options.headerFormat === 'proper_case_words' ? 'Host' : stream.hostSpelling}: ${stream.host}\r\n`;
  const fields =
    options.headerFormat === 'proper_case_words'
      ? encodeProperCase(stream.requestHeaders, spelled)
      : encodePreservedCase(stream.requestHeaders, spelled, options.preserveCase);
  return `${fields}${framingLine}\r\n`;
}

/** An empty host is among the fields too, for those who read them: see ConnectionManager.onRequest. */
function encodeWithoutHost(stream: HttpStream, options: Http1ProtocolOptions, framingLine: string): string {
  stream.requestHeaders.removeKnown(Known.host);
  const head = encodeRequestHead(stream, options, framingLine);
  stream.requestHeaders.addKnown(Known.host, '');
  return head;
}

/** @returns its length in bytes, with its line end */
export function requestLineLength(stream: HttpStream, options: Http1ProtocolOptions): number {
  if (options.sendFullyQualifiedUrl) return requestLine(stream, options).length;
  return stream.method.length + stream.path.length + '  HTTP/1.1\r\n'.length;
}

function requestLine(stream: HttpStream, options: Http1ProtocolOptions): string {
  const target = options.sendFullyQualifiedUrl ? `${stream.scheme}://${stream.host}${stream.path}` : stream.path;
  return `${stream.method} ${target} HTTP/1.1\r\n`;
}
