/**
 * Fingerprints of TLS clients by what their hello offers: JA3, an MD5, and JA4, a readable part and two pieces of SHA-256.
 * Follows https://github.com/salesforce/ja3 and https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md
 */
import { createHash } from 'node:crypto';
import { type ClientHello, Extension, isGrease } from '#wire/tls/client-hello.ts';

/** @returns 32 hexadecimal digits. */
export function ja3(hello: ClientHello): string {
  // As Envoy, which leaves what is there to be ignored (GREASE) out of the suites and extensions, but not out of the groups.
  const lists = [hello.cipherSuites, hello.extensions].map(withoutGrease);
  const text = [[hello.version], ...lists, hello.supportedGroups, hello.pointFormats]
    .map((list) => list.join('-'))
    .join(',');
  return createHash('md5').update(text).digest('hex');
}

/** @returns such as `t13d1516h2_8daaf6152771_02713d6af862`. */
export function ja4(hello: ClientHello): string {
  const ciphers = withoutGrease(hello.cipherSuites);
  const extensions = withoutGrease(hello.extensions);
  const name = hello.extensions.includes(Extension.ServerName) ? 'd' : 'i';
  const readable = `t${versionText(hello)}${name}${count(ciphers)}${count(extensions)}${alpnText(hello.alpn[0])}`;
  const others = extensions.filter((type) => type !== Extension.ServerName && type !== Extension.Alpn);
  const signatures = withoutGrease(hello.signatureAlgorithms).map(hex);
  const offered = [sorted(others), ...(signatures.length === 0 ? [] : [signatures.join(',')])].join('_');
  return `${readable}_${digest(sorted(ciphers))}_${others.length === 0 ? NOTHING : digest(offered)}`;
}

const NOTHING = '000000000000';

/** By number of the protocol. */
const VERSIONS: Readonly<Record<number, string>> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
  2: 's2',
};

function versionText({ version, supportedVersions }: ClientHello): string {
  const offered = withoutGrease(supportedVersions);
  return VERSIONS[offered.length === 0 ? version : Math.max(...offered)] ?? '00';
}

/** First and last character of the first protocol; where one is no letter or digit, the first and last of their hexadecimal digits. */
function alpnText(protocol: string | undefined): string {
  if (protocol === undefined || protocol === '') return '00';
  const [first, last] = [protocol[0], protocol[protocol.length - 1]];
  if (/^[0-9A-Za-z]{2}$/.test(first + last)) return first + last;
  return byteHex(first)[0] + byteHex(last)[1];
}

function byteHex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0');
}

function count(list: number[]): string {
  return String(Math.min(list.length, 99)).padStart(2, '0');
}

function sorted(list: number[]): string {
  return list.map(hex).sort().join(',');
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function digest(text: string): string {
  return text === '' ? NOTHING : createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function withoutGrease(list: number[]): number[] {
  return list.filter((value) => !isGrease(value));
}
