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
  let map: { trust_domains?: Record<string, { keys?: { use?: string; x5c?: string[] }[] }> };
  try {
    map = JSON.parse(bytes.toString()) as typeof map;
  } catch {
    throw at.problem('Invalid JSON found in SPIFFE bundle');
  }
  const domains = Object.entries(map.trust_domains ?? {});
  if (domains.length === 0) throw at.problem('No trust domains found in SPIFFE bundle');
  return domains.map(([name, { keys = [] }]) => {
    if (keys.length === 0) throw at.problem(`No keys found in SPIFFE bundle for domain '${name}'`);
    const certificates = keys.filter(({ use }) => use === 'x509-svid').flatMap(({ x5c = [] }) => x5c);
    const pem = certificates.map((der) => `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`).join('');
    if (parseCertificates(pem) === undefined) {
      throw at.problem(`Invalid x509 object in certs for domain '${name}'`);
    }
    return { name, bundle: { pem, path } };
  });
}
