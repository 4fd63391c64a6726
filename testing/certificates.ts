/**
 * Certificates for tests, made by the `openssl` program and kept for the process: an authority, what it signed, and one
 * that nobody signed. Elliptic keys, because they are made in a moment.
 */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  /** PEM text. */
  cert: string;
  key: string;
  /** SHA-256 of the certificate, in lower-case hexadecimal. */
  sha256: string;
  /** SHA-256 of the public key, in base64, as `verify_certificate_spki` takes it. */
  spki: string;
}

export interface CertificateWish {
  commonName: string;
  /** Subject alternative names in openssl's words: `DNS:a.test`, `URI:spiffe://x`, `IP:127.0.0.1`. */
  names?: string[];
  /** Who signs; without one the certificate signs itself. */
  authority?: Certificate;
  isAuthority?: boolean;
  /** Valid for so many days; a negative number makes it expired. */
  days?: number;
  rsa?: boolean;
  /** Key usage in openssl's words: `digitalSignature`. */
  keyUsage?: string;
}

const made = new Map<string, Certificate>();

/** @returns a certificate for the wish; the same wish gets the same one. */
export function certificate(wish: CertificateWish): Certificate {
  const key = JSON.stringify(wish);
  const known = made.get(key);
  if (known !== undefined) return known;
  const fresh = make(wish);
  made.set(key, fresh);
  return fresh;
}

/** The authority that tests trust. */
export function testAuthority(): Certificate {
  return certificate({ commonName: 'Fairlead test authority', isAuthority: true });
}

/** A server's or client's certificate from the test authority. */
export function signed(
  commonName: string,
  names: string[] = [`DNS:${commonName}`],
  more: Partial<CertificateWish> = {},
): Certificate {
  return certificate({ commonName, names, authority: testAuthority(), ...more });
}

/** The authority's list of what it revoked, in PEM. @param days until the next list; negative: it is overdue */
export function revocationList(authority: Certificate, revoked: readonly Certificate[], days = 30): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-revocation-'));
  const line = ({ cert }: Certificate) =>
    `R\t350101000000Z\t250101000000Z\t${new X509Certificate(cert).serialNumber}\tunknown\t/CN=revoked\n`;
  try {
    writeFileSync(join(folder, 'index'), revoked.map(line).join(''));
    writeFileSync(join(folder, 'ca.pem'), authority.cert);
    writeFileSync(join(folder, 'ca-key.pem'), authority.key);
    writeFileSync(join(folder, 'config'), '[ca]\ndefault_ca=c\n[c]\ndatabase=index\ndefault_md=sha256\n');
    const next = Math.floor(Date.now() / 1000) + days * 86_400;
    const period =
      days < 0 ? ['-crl_lastupdate', utc(next - 86_400), '-crl_nextupdate', utc(next)] : ['-crldays', `${days}`];
    const args = ['ca', '-config', 'config', '-gencrl', '-cert', 'ca.pem', '-keyfile', 'ca-key.pem', ...period];
    return execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `YYYYMMDDHHMMSSZ`. */
function utc(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
}

function make(wish: CertificateWish): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-certificate-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  try {
    const newKey = wish.rsa ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    openssl(
      'req',
      '-new',
      '-nodes',
      ...newKey,
      '-keyout',
      'key.pem',
      '-out',
      'request.pem',
      '-subj',
      `/O=Fairlead/CN=${wish.commonName}`,
    );
    writeFileSync(at('extensions'), extensions(wish));
    const signer = wish.authority ? ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem'] : ['-key', 'key.pem'];
    if (wish.authority) {
      writeFileSync(at('ca.pem'), wish.authority.cert);
      writeFileSync(at('ca-key.pem'), wish.authority.key);
    }
    const serial = `0x${createHash('sha256').update(JSON.stringify(wish)).digest('hex').slice(0, 15)}`;
    openssl(
      'x509',
      '-req',
      '-in',
      'request.pem',
      ...signer,
      '-set_serial',
      serial,
      ...validity(wish.days ?? 30),
      '-extfile',
      'extensions',
      '-out',
      'cert.pem',
    );
    const cert = readFileSync(at('cert.pem'), 'utf8');
    const parsed = new X509Certificate(cert);
    return {
      cert,
      key: readFileSync(at('key.pem'), 'utf8'),
      sha256: createHash('sha256').update(parsed.raw).digest('hex'),
      spki: createHash('sha256')
        .update(parsed.publicKey.export({ type: 'spki', format: 'der' }))
        .digest('base64'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function validity(days: number): string[] {
  return ['-days', String(days)];
}

function extensions(wish: CertificateWish): string {
  const names = wish.names?.length ? [`subjectAltName=${wish.names.join(',')}`] : [];
  const use = wish.isAuthority
    ? ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
    : ['extendedKeyUsage=serverAuth,clientAuth', ...(wish.keyUsage ? [`keyUsage=${wish.keyUsage}`] : [])];
  return `${[...names, ...use].join('\n')}\n`;
}
