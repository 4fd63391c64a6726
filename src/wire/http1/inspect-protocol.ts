/**
 * Which HTTP the first bytes of a connection are: HTTP/2's preface (RFC 9113, section 3.4), or a request line (RFC 9112, section 3), read as
 * generously as Envoy's HTTP inspector reads it. This decides on a protocol; the codec decides whether a request is good.
 */

export type InspectedProtocol =
  | 'http/1.0'
  | 'http/1.1'
  | 'h2c'
  | 'not_http'
  /** So far it may become one. */
  | 'incomplete';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const NEW_LINE = 10;
const SPACE = 32;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;
/** A method that has not ended yet, or has: what follows it is white space. */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+([\t\v\f\r ]|$)/;
const VERSION = /^HTTP\/[0-9]\.[0-9]$/;
const PATH = /^[/*][!-~]*$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
const AUTHORITY = /^[A-Za-z0-9!$%&'()*+,\-.:;=@[\]_~]*$/;
const PATH_OR_QUERY = /^[!-~]*$/;

/** @param bytes all that came so far */
export function inspectProtocol(bytes: Buffer): InspectedProtocol {
  const compared = Math.min(bytes.length, PREFACE.length);
  if (PREFACE.compare(bytes, 0, compared, 0, compared) === 0) return compared < PREFACE.length ? 'incomplete' : 'h2c';
  const end = bytes.indexOf(NEW_LINE);
  if (end < 0) return METHOD.test(bytes.latin1Slice()) ? 'incomplete' : 'not_http';
  return protocolOfLine(bytes.latin1Slice(0, end));
}

function protocolOfLine(text: string): InspectedProtocol {
  if (!METHOD.test(text)) return 'not_http';
  let length = text.length;
  while (length > 0 && text.charCodeAt(length - 1) <= SPACE) length--;
  const line = text.slice(0, length);
  const method = TOKEN.exec(line)?.[0] ?? '';
  const target = wordAt(line, method.length);
  const version = line.slice(skipSpace(line, target.end));
  if (!isTarget(target.word, method) || (version !== '' && !VERSION.test(version))) return 'not_http';
  // As Envoy, which looks at the end of the line: a target may end like a version.
  return line.endsWith('HTTP/1.1') ? 'http/1.1' : 'http/1.0';
}

function wordAt(line: string, from: number): { word: string; end: number } {
  const start = skipSpace(line, from);
  let end = start;
  while (end < line.length && line.charCodeAt(end) > SPACE) end++;
  return { word: line.slice(start, end), end };
}

function skipSpace(line: string, from: number): number {
  let at = from;
  while (at < line.length && line.charCodeAt(at) <= SPACE) at++;
  return at;
}

function isTarget(target: string, method: string): boolean {
  if (target.startsWith('/') || target.startsWith('*')) return PATH.test(target);
  const scheme = method === 'CONNECT' ? '' : SCHEME.exec(target)?.[0];
  if (scheme === undefined || target === '') return false;
  const rest = target.slice(scheme.length);
  const slash = rest.search(/[/?]/);
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  return AUTHORITY.test(authority) && !authority.includes('@@') && (slash < 0 || PATH_OR_QUERY.test(rest.slice(slash)));
}
