/**
 * The validator of SPIFFE certificates: for each trust domain the authorities that may sign for it.
 * Follows envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig and
 * https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Trust_Domain_and_Bundle.md
 */
import type { Place } from '#api/place.ts';
import type { TlsBytes, TrustDomain } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDataSource } from '#config/read/data-source.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { origin, parseCertificates } from '#config/read/tls-material.ts';
import type { DataSource } from '#envoy/config/core/v3/base_pb.js';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';
import type {
  SPIFFECertValidatorConfig,
  SPIFFECertValidatorConfig_TrustDomain,
} from '#envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.js';

const TYPE = 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig';
const check = honours(TYPE, ['trust_domains', 'trust_bundles']);
const checkDomain = honours(`${TYPE}.TrustDomain`, ['name', 'trust_bundle'], {
  refused: { workload_trust_domain: 'the domain is that of the certificate' },
});

/** @throws PlacedError for another validator, or bundles that cannot be read. */
export function readSpiffeValidator(
  { name, typedConfig }: TypedExtensionConfig,
  at: Place,
  context: ReadContext,
): TrustDomain[] {
  const place = at.field('typed_config');
  const { typeName, message } = extensionMessage(typedConfig, name, place, context);
  if (typeName !== TYPE) throw unsupportedExtension(name, typeName, 'transport_socket', place);
  check(message, place);
  const { trustDomains, trustBundles } = message as SPIFFECertValidatorConfig;
  if (trustBundles !== undefined) return readBundleMap(trustBundles, place.field('trust_bundles'), context);
  const names = new Set<string>();
  return readAll(trustDomains, place.field('trust_domains'), (domain, each) => {
    if (names.has(domain.name)) {
      throw each.field('name').problem(`Multiple trust bundles are given for one trust domain for ${domain.name}`);
    }
    names.add(domain.name);
    return readDomain(domain, each, context);
  });
}

function readDomain(domain: SPIFFECertValidatorConfig_TrustDomain, at: Place, context: ReadContext): TrustDomain {
  checkDomain(domain, at);
  const place = at.field('trust_bundle');
  if (domain.trustBundle === undefined) throw place.missing();
  const { bytes, path } = readDataSource(domain.trustBundle, place, context);
  const bundle: TlsBytes = { pem: bytes.toString('latin1'), path };
  if (parseCertificates(bundle.pem) === undefined) {
    throw place.problem(`Failed to load trusted CA certificate from ${origin(bundle)}`);
  }
  return { name: domain.name, bundle };
}

/** `{ "trust_domains": { "a.test": { "keys": [{ "use": "x509-svid", "x5c": ["..."] }] } } }` */
function readBundleMap(source: DataSource, at: Place, context: ReadContext): TrustDomain[] {
  const { bytes, path } = readDataSource(source, at, context);
  let map: unknown;
  try {
    map = JSON.parse(bytes.toString());
  } catch {
    throw at.problem('Invalid JSON found in SPIFFE bundle');
  }
  const domains = Object.entries(fieldsOf(fieldsOf(map).trust_domains));
  if (domains.length === 0) throw at.problem('No trust domains found in SPIFFE bundle');
  return domains.map(([name, domain]) => {
    const { keys } = fieldsOf(domain);
    if (!Array.isArray(keys) || keys.length === 0) {
      throw at.problem(`No keys found in SPIFFE bundle for domain '${name}'`);
    }
    const pem = keys.flatMap((key) => certificatesOf(name, fieldsOf(key), at)).join('');
    if (parseCertificates(pem) === undefined) throw at.problem(`Invalid x509 object in certs for domain '${name}'`);
    return { name, bundle: { pem, path } };
  });
}

/** Keys for other uses than certificates are passed over. */
function certificatesOf(domain: string, { use, x5c }: Fields, at: Place): string[] {
  if (typeof use !== 'string') throw at.problem(`missing or invalid 'use' field found in cert for domain '${domain}'`);
  if (use !== 'x509-svid') return [];
  if (!Array.isArray(x5c) || x5c.length === 0) {
    throw at.problem(`missing or empty 'x5c' field found in keys for domain: '${domain}'`);
  }
  return x5c.map((der) => `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`);
}

type Fields = Record<string, unknown>;

/** None of what is no object. */
function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
