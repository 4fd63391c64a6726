/**
 * The alternative names that a certificate is for, sorted by kind (RFC 5280, section 4.2.1.6).
 */
import type { X509Certificate } from 'node:crypto';
import { type OtherName, otherNames } from '#proxy/tls/certificate-extensions.ts';

export interface SubjectAltNames {
  dns: string[];
  uri: string[];
  ip: string[];
  email: string[];
  other: OtherName[];
  /** Whether the certificate has the extension at all. */
  present: boolean;
}

const KINDS: [prefix: string, kind: 'dns' | 'uri' | 'ip' | 'email'][] = [
  ['DNS:', 'dns'],
  ['URI:', 'uri'],
  ['IP Address:', 'ip'],
  ['email:', 'email'],
];

export function subjectAltNames(certificate: X509Certificate): SubjectAltNames {
  const names: SubjectAltNames = { dns: [], uri: [], ip: [], email: [], other: [], present: false };
  const text = certificate.subjectAltName;
  if (text === undefined) return names;
  names.present = true;
  for (const entry of entries(text)) {
    if (entry.startsWith('othername:') && names.other.length === 0) names.other = otherNames(certificate);
    const known = KINDS.find(([prefix]) => entry.startsWith(prefix));
    if (known === undefined) continue;
    const [prefix, kind] = known;
    const value = unquoted(entry.slice(prefix.length));
    names[kind].push(kind === 'ip' ? compressed(value) : value);
  }
  return names;
}

/** Node separates entries by `, ` and writes those that contain such characters as JSON strings. */
function entries(text: string): string[] {
  const found: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted && character === '\\') i++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === ',' && text[i + 1] === ' ') {
      found.push(text.slice(start, i));
      start = i + 2;
    }
  }
  found.push(text.slice(start));
  return found;
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return value;
  }
}

/** An IPv6 address in its short form (RFC 5952), from Node's long one. */
function compressed(address: string): string {
  if (!address.includes(':')) return address;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}
