/**
 * A request's head as HTTP/1 text, with header names spelled as the cluster's header_key_format asks.
 */
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { encodePreservedCase, encodeProperCase } from '#proxy/http/header-case.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';

/** @param framingLine a line that frames the body, or nothing. @returns request line, fields and the empty line */
export function encodeRequestHead(stream: HttpStream, options: Http1ProtocolOptions, framingLine: string): string {
  const target = options.sendFullyQualifiedUrl ? `${stream.scheme}://${stream.host}${stream.path}` : stream.path;
  const line = `${stream.method} ${target} HTTP/1.1\r\n`;
  if (options.headerFormat === 'lower')
    return `${stream.requestHeaders.encode(`${line}host: ${stream.host}\r\n`)}${framingLine}\r\n`;
  const spelled = `${line}${options.headerFormat === 'proper_case_words' ? 'Host' : stream.hostSpelling}: ${stream.host}\r\n`;
  const fields =
    options.headerFormat === 'proper_case_words'
      ? encodeProperCase(stream.requestHeaders, spelled)
      : encodePreservedCase(stream.requestHeaders, spelled, options.preserveCase);
  return `${fields}${framingLine}\r\n`;
}
