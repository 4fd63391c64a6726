/**
 * Secrets that came by SDS, with what their certificates say, as istioctl shows them.
 * Follows envoy.admin.v3.SecretsConfigDump and RFC 5280.
 */
import { X509Certificate } from 'node:crypto';
import { renderTable } from '#cli/writers/table.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export interface SecretTableOptions {
  /** In `proxy-config all`, names begin with `secret/`. */
  named: boolean;
  color: boolean;
  /** Milliseconds since 1970, for what is valid now. */
  now: number;
}

interface Row {
  name: string;
  state: string;
  pem: string;
  trustDomain: string;
}

const NO_SECRETS = 'No active or warming secrets found.\n';

export function secretsTable(
  sections: readonly JsonObject[],
  reader: DumpReader,
  { named, color, now }: SecretTableOptions,
): string {
  const rows = sections.flatMap((section) => [
    ...rowsOf(section, 'dynamic_warming_secrets', 'WARMING', reader),
    ...rowsOf(section, 'dynamic_active_secrets', 'ACTIVE', reader),
  ]);
  if (rows.length === 0) return NO_SECRETS;
  const federated = rows.some(({ trustDomain }) => trustDomain !== '');
  const heading = ['RESOURCE NAME', 'TYPE', 'STATUS', 'VALID CERT', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE'];
  const cells = rows.map(({ name, state, pem, trustDomain }) => {
    const { type, valid, serial, notAfter, notBefore, spiffe } = factsOf(pem, now);
    const shown = named ? `secret/${name}` : name;
    const facts = [shown, type, state, String(valid), serial, notAfter, notBefore];
    return federated ? [...facts, trustDomain === '' ? spiffe : trustDomain] : facts;
  });
  return renderTable(federated ? [...heading, 'TRUST DOMAIN'] : heading, cells, { gap: 5, color });
}

function rowsOf(section: JsonObject, list: string, state: string, reader: DumpReader): Row[] {
  return reader.objects(section, list).flatMap((entry) => {
    const name = reader.text(entry, 'name');
    reader.resource = `secret '${name}'`;
    const actual = reader.text(entry, 'version_info') === 'uninitialized' ? 'UNINITIALIZED' : state;
    const secret = reader.object(entry, 'secret');
    const validation = reader.object(secret, 'validation_context');
    const bundles = bundlesOf(validation, reader);
    if (bundles.length > 0) return bundles.map((bundle) => ({ name, state: actual, ...bundle }));
    const chain = bytesOf(reader.object(reader.object(secret, 'tls_certificate'), 'certificate_chain'), reader);
    const pem = chain === '' ? bytesOf(reader.object(validation, 'trusted_ca'), reader) : chain;
    return [{ name, state: actual, pem, trustDomain: '' }];
  });
}

/** SPIFFE's validator has a bundle for each trust domain. */
function bundlesOf(validation: JsonObject | undefined, reader: DumpReader): { pem: string; trustDomain: string }[] {
  const validator = reader.object(reader.object(validation, 'custom_validator_config'), 'typed_config');
  return reader.objects(validator, 'trust_domains').map((domain) => ({
    pem: bytesOf(reader.object(domain, 'trust_bundle'), reader),
    trustDomain: reader.text(domain, 'name'),
  }));
}

function bytesOf(source: JsonObject | undefined, reader: DumpReader): string {
  const bytes = reader.text(source, 'inline_bytes');
  return bytes === '' ? reader.text(source, 'inline_string') : Buffer.from(bytes, 'base64').toString('latin1');
}

const NOTHING = { type: '', valid: false, serial: '', notAfter: '', notBefore: '', spiffe: '' };

/** Of the first certificate. */
function factsOf(pem: string, now: number): typeof NOTHING {
  if (pem === '') return NOTHING;
  try {
    const certificate = new X509Certificate(pem);
    const { validFromDate: from, validToDate: to } = certificate;
    return {
      type: certificate.ca ? 'CA' : 'Cert Chain',
      valid: now > from.getTime() && now < to.getTime(),
      serial: certificate.serialNumber.toLowerCase().padStart(32, '0'),
      notAfter: rfc3339(to),
      notBefore: rfc3339(from),
      spiffe: /URI:spiffe:\/\/([^/,]+)/.exec(certificate.subjectAltName ?? '')?.[1] ?? '',
    };
  } catch {
    return NOTHING;
  }
}

function rfc3339(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}
