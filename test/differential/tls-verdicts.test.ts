import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json, typed } from '#testing/bootstrap.ts';
import { certificate, signed, testAuthority } from '#testing/certificates.ts';
import { agree, verdict } from './verdict.ts';

const TLS = 'extensions.transport_sockets.tls.v3';
const inline = (text: string): Json => ({ inline_string: text });
const own = signed('a.test');
const other = certificate({ commonName: 'other' });
const rsa = signed('rsa.test', ['DNS:rsa.test'], { rsa: true });
const OWN = pair(own.cert, own.key);
const CA = inline(testAuthority().cert);
const GARBAGE = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const DNS_NAME = { san_type: 'DNS', matcher: { exact: 'a' } };

function pair(cert: string, key: string, more: Json = {}): Json {
  return { certificate_chain: inline(cert), private_key: inline(key), ...more };
}

function validation(fields: Json): Json {
  return { validation_context: fields };
}

function combined(fields: Json): Json {
  const reference = { name: 'ca' };
  return {
    combined_validation_context: {
      default_validation_context: fields,
      validation_context_sds_secret_config: reference,
    },
  };
}

const SECRETS: Json[] = [
  { name: 'own', tls_certificate: OWN },
  { name: 'ca', validation_context: { trusted_ca: CA } },
  { name: 'nothing', validation_context: {} },
  { name: 'tickets', session_ticket_keys: { keys: [inline('k'.repeat(80))] } },
];

/** Fields of a CommonTlsContext on the side of a cluster. */
const COMMON: Record<string, Json> = {
  nothing: {},
  'a certificate': { tls_certificates: [OWN] },
  'an RSA certificate': { tls_certificates: [pair(rsa.cert, rsa.key)] },
  'an empty certificate': { tls_certificates: [{}] },
  'a chain that is none': { tls_certificates: [pair('not PEM', own.key)] },
  'a chain with a broken one behind': { tls_certificates: [pair(own.cert + GARBAGE, own.key)] },
  'a chain with a key before it': { tls_certificates: [pair(own.key + own.cert, own.key)] },
  'a chain that starts amid a line': { tls_certificates: [pair(`x${own.cert}`, own.key)] },
  'a key that is none': { tls_certificates: [pair(own.cert, 'not PEM')] },
  'a key that is a certificate': { tls_certificates: [pair(own.cert, own.cert)] },
  'the key of another': { tls_certificates: [pair(own.cert, other.key)] },
  'no chain': { tls_certificates: [{ private_key: inline(own.key) }] },
  'no key': { tls_certificates: [{ certificate_chain: inline(own.cert) }] },
  'a chain in a file that is not there': {
    tls_certificates: [{ ...OWN, certificate_chain: { filename: '/not/there' } }],
  },
  'a key in a file that is not there': { tls_certificates: [{ ...OWN, private_key: { filename: '/not/there' } }] },
  'two certificates': { tls_certificates: [OWN, OWN] },
  'a secret': { tls_certificate_sds_secret_configs: [{ name: 'own' }] },
  'a secret that is not there': { tls_certificate_sds_secret_configs: [{ name: 'x' }] },
  'a secret of another kind': { tls_certificate_sds_secret_configs: [{ name: 'ca' }] },
  'a secret without a name': { tls_certificate_sds_secret_configs: [{}] },
  'an authority': validation({ trusted_ca: CA }),
  'an authority by name': { validation_context_sds_secret_config: { name: 'ca' } },
  'an authority that is not there': { validation_context_sds_secret_config: { name: 'x' } },
  'an authority that is none': validation({ trusted_ca: inline('not PEM') }),
  'an authority that is broken': validation({ trusted_ca: inline(GARBAGE) }),
  'an empty authority': validation({ trusted_ca: inline('') }),
  'an authority that is a key': validation({ trusted_ca: inline(own.key) }),
  'a list that is no CRL': validation({ trusted_ca: CA, crl: inline('not PEM') }),
  'a list without an authority': validation({ crl: inline('not PEM') }),
  'names with an authority': validation({ trusted_ca: CA, match_typed_subject_alt_names: [DNS_NAME] }),
  'names without an authority': validation({ match_typed_subject_alt_names: [DNS_NAME] }),
  'names of no type': validation({ trusted_ca: CA, match_typed_subject_alt_names: [{ matcher: { exact: 'a' } }] }),
  'names in the older field': validation({ trusted_ca: CA, match_subject_alt_names: [{ exact: 'a' }] }),
  'expired certificates without an authority': validation({ allow_expired_certificate: true }),
  'a hash': validation({ verify_certificate_hash: [own.sha256] }),
  'a hash with colons': validation({ verify_certificate_hash: [own.sha256.match(/../g)?.join(':')] }),
  'a hash that is none': validation({ verify_certificate_hash: ['z'.repeat(64)] }),
  'a hash that is too short': validation({ verify_certificate_hash: ['ab'] }),
  'a key hash': validation({ verify_certificate_spki: [own.spki] }),
  'a key hash that is none': validation({ verify_certificate_spki: ['A'.repeat(44)] }),
  'a depth beyond the limit': validation({ max_verify_depth: 101 }),
  'a combined context': combined({ match_typed_subject_alt_names: [DNS_NAME] }),
  'protocols with commas': { alpn_protocols: ['h2,http/1.1'] },
  'an empty protocol': { alpn_protocols: [''] },
  'a protocol that is too long': { alpn_protocols: ['x'.repeat(256)] },
  'a key log that cannot be': { key_log: { path: '/not/there/keys' } },
  'suites that are none': { tls_params: { cipher_suites: ['MINE'] } },
  'curves that are none': { tls_params: { ecdh_curves: ['MINE'] } },
};

/** Fields of an UpstreamTlsContext. */
const UPSTREAM: Record<string, Json> = {
  'a server name with a zero': { sni: 'a\0b' },
  'names by server name, no validation': { auto_sni_san_validation: true },
  'names by server name, no authority': { auto_sni_san_validation: true, common_tls_context: validation({}) },
  'names by server name': { auto_sni_san_validation: true, common_tls_context: validation({ trusted_ca: CA }) },
  'no session kept': { max_session_keys: 0 },
};

/** Fields of a DownstreamTlsContext. */
const DOWNSTREAM: Record<string, Json> = {
  nothing: {},
  'two certificates': { common_tls_context: { tls_certificates: [OWN, pair(rsa.cert, rsa.key)] } },
  'an empty certificate': { common_tls_context: { tls_certificates: [{}] } },
  'a secret beside a certificate': {
    common_tls_context: { tls_certificates: [OWN], tls_certificate_sds_secret_configs: [{ name: 'own' }] },
  },
  'client certificates of no authority': {
    common_tls_context: { tls_certificates: [OWN] },
    require_client_certificate: true,
  },
  'ticket keys by name': {
    common_tls_context: { tls_certificates: [OWN] },
    session_ticket_keys_sds_secret_config: { name: 'tickets' },
  },
  'ticket keys that are not there': {
    common_tls_context: { tls_certificates: [OWN] },
    session_ticket_keys_sds_secret_config: { name: 'x' },
  },
  'a ticket key that is too short': {
    common_tls_context: { tls_certificates: [OWN] },
    session_ticket_keys: { keys: [inline('short')] },
  },
  'a staple as text': { common_tls_context: { tls_certificates: [{ ...OWN, ocsp_staple: inline('x') }] } },
  'a staple that is none': {
    common_tls_context: { tls_certificates: [{ ...OWN, ocsp_staple: { inline_bytes: 'MAA=' } }] },
  },
  'a staple that must be': {
    common_tls_context: { tls_certificates: [OWN] },
    ocsp_staple_policy: 'MUST_STAPLE',
  },
};

const withSecrets = { static_resources: { secrets: SECRETS } };

function ofCluster(fields: Json): Json {
  const socket = { name: 'tls', typed_config: typed(`${TLS}.UpstreamTlsContext`, fields) };
  return bootstrap([], [{ name: 'c', transport_socket: socket }], withSecrets);
}

function ofListener(fields: Json): Json {
  const socket = { name: 'tls', typed_config: typed(`${TLS}.DownstreamTlsContext`, fields) };
  const listener = httpListener() as { filter_chains: Json[] };
  const chains = listener.filter_chains.map((chain) => ({ ...chain, transport_socket: socket }));
  return bootstrap([{ ...listener, filter_chains: chains }], [], withSecrets);
}

function judged(side: string, name: string, config: Json): void {
  test(`TLS with ${side} is judged as by Envoy: ${name}`, (t) => {
    const both = verdict(t, config);
    assert.ok(agree(both), JSON.stringify(both, undefined, 2));
  });
}

for (const [name, fields] of Object.entries(COMMON)) {
  judged('upstreams', name, ofCluster({ common_tls_context: fields }));
}
for (const [name, fields] of Object.entries(UPSTREAM)) judged('upstreams', name, ofCluster(fields));
for (const [name, fields] of Object.entries(DOWNSTREAM)) judged('clients', name, ofListener(fields));
