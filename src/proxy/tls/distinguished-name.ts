/**
 * Names of certificates as Envoy prints them. Follows RFC 2253: the last part first, separated by commas.
 */

/** @param lines one part of the name a line, the first part first, as Node's X509Certificate has them. */
export function rfc2253(lines: string): string {
  if (lines === '') return '';
  const parts = lines.split('\n').map((line) => line.split(' + ').reverse().map(escapeBytes).join('+'));
  return parts.reverse().join(',');
}

/** RFC 2253, section 2.4: bytes outside of ASCII as a backslash and two hex digits. */
function escapeBytes(text: string): string {
  return text.replace(/[^\0-\x7f]+/g, (run) =>
    Array.from(Buffer.from(run), (byte) => `\\${byte.toString(16).toUpperCase()}`).join(''),
  );
}
