/**
 * A request's head as HTTP/1 text. Header names are spelled as the client spelled them where the listener keeps case, else as the cluster's
 * header_key_format asks. Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/header_casing
 */
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { encodePreservedCase, encodeProperCase, preservedCase, properCase } from '#proxy/http/header-case.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Known } from '#wire/known-headers.ts';

/** @param framingLine a line that frames the body, or nothing. @returns request line, fields and the empty line */
export function encodeRequestHead(stream: HttpStream, options: Http1ProtocolOptions, framingLine: string): string {
  const line = requestLine(stream, options);
  if (stream.host === '' && stream.requestHeaders.hasKnown(Known.host))
    return encodeWithoutHost(stream, options, framingLine);
  if (stream.manager.config.http1.headerFormat === 'preserve_case') return encodeAsSpelled(stream, line, framingLine);
  if (options.headerFormat === 'proper_case_words')
    return `${encodeProperCase(stream.requestHeaders, `${line}Host: ${stream.host}\r\n`)}${respelled(framingLine, properCase)}\r\n`;
  return `${stream.requestHeaders.encode(`${line}host: ${stream.host}\r\n`)}${framingLine}\r\n`;
}

function encodeAsSpelled({ requestHeaders, host, manager }: HttpStream, line: string, framingLine: string): string {
  const { preserveCase } = manager.config.http1;
  const start = `${line}${preservedCase(requestHeaders, 'host', preserveCase)}: ${host}\r\n`;
  const fields = encodePreservedCase(requestHeaders, start, preserveCase);
  return `${fields}${respelled(framingLine, (name) => preservedCase(requestHeaders, name, preserveCase))}\r\n`;
}

/** @param line a field's line, or nothing. */
function respelled(line: string, spell: (name: string) => string): string {
  const name = line.slice(0, line.indexOf(':'));
  return name === '' ? '' : spell(name) + line.slice(name.length);
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
  if (options.sendFullyQualifiedUrl || stream.path === '') return requestLine(stream, options).length;
  return stream.method.length + stream.path.length + '  HTTP/1.1\r\n'.length;
}

function requestLine(stream: HttpStream, options: Http1ProtocolOptions): string {
  return `${stream.method} ${requestTarget(stream, options)} HTTP/1.1\r\n`;
}

/** CONNECT has no path: it names the host. */
function requestTarget({ scheme, host, path }: HttpStream, { sendFullyQualifiedUrl }: Http1ProtocolOptions): string {
  if (path === '') return host;
  return sendFullyQualifiedUrl ? `${scheme}://${host}${path}` : path;
}
