import assert from 'node:assert/strict';
import { createHash, createPrivateKey } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decode } from '#api/decode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { type ReadContext, type StaticSecret, secretKey } from '#config/read/context.ts';
import { readDownstreamTransport, readUpstreamTransport } from '#config/read/tls-contexts.ts';
import type { Secret } from '#envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { type Json, typed } from '#testing/bootstrap.ts';
import { certificate, signed, testAuthority } from '#testing/certificates.ts';
import { readMessage } from '#testing/read-message.ts';

const SOCKET = 'envoy.config.core.v3.TransportSocket';
const TLS = 'extensions.transport_sockets.tls.v3';
const inline = (text: string): Json => ({ inline_string: text });
const own = signed('a.test');
const SERVED = pair(own);
const CA = inline(testAuthority().cert);

function pair({ cert, key }: { cert: string; key: string }, more: Json = {}): Json {
  return { certificate_chain: inline(cert), private_key: inline(key), ...more };
}

function secrets(...trees: Json[]): Partial<ReadContext> {
  const at = rootPlace(undefined, new Problems()).field('secrets');
  const all = trees.map((tree): [string, StaticSecret] => {
    const secret = decode<Secret>(messageType(`envoy.${TLS}.Secret`), tree, at);
    return [secretKey(`${secret.type.case}`, secret.name), { secret, at }];
  });
  return { secrets: new Map(all) };
}

function downstream(fields: Json, given: Partial<ReadContext> = {}) {
  const tree = { name: 'tls', typed_config: typed(`${TLS}.DownstreamTlsContext`, fields) };
  const { value, errors } = readMessage(SOCKET, tree, readDownstreamTransport, given);
  return { tls: value?.kind === 'tls' ? value.tls : undefined, errors: errors.map(wordsOnly) };
}

function upstream(fields: Json, given: Partial<ReadContext> = {}) {
  const tree = { name: 'tls', typed_config: typed(`${TLS}.UpstreamTlsContext`, fields) };
  const { value, errors } = readMessage(SOCKET, tree, readUpstreamTransport, given);
  return { tls: value?.kind === 'tls' ? value.tls : undefined, errors: errors.map(wordsOnly) };
}

function wordsOnly(error: string): string {
  return error.replace(/^\S+: /, '');
}

const common = (fields: Json): Json => ({ common_tls_context: fields });
const validation = (fields: Json): Json => common({ validation_context: fields });

test('without a transport socket, or with raw_buffer, bytes go as they are', () => {
  const raw = { name: 'raw', typed_config: typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer') };
  assert.deepEqual(readMessage(SOCKET, raw, readDownstreamTransport).value, { kind: 'raw_buffer' });
  assert.deepEqual(readMessage(SOCKET, raw, readUpstreamTransport).value, { kind: 'raw_buffer' });
});

test('where clients are validated, whether they need a certificate must be said: else a warning', () => {
  const warned = (fields: Json) => {
    const tree = { name: 'tls', typed_config: typed(`${TLS}.DownstreamTlsContext`, fields) };
    return readMessage(SOCKET, tree, readDownstreamTransport).warnings.map((text) => text.slice(0, 69));
  };
  const served = common({ tls_certificates: [SERVED], validation_context: { trusted_ca: CA } });
  assert.deepEqual(warned(served), ['typed_config.common_tls_context: Using deprecated insecure default of']);
  assert.deepEqual(warned({ ...served, require_client_certificate: false }), []);
  assert.deepEqual(warned(common({ tls_certificates: [SERVED] })), []);
});

test('each side takes its own context only', () => {
  const tree = { name: 'tls', typed_config: typed(`${TLS}.DownstreamTlsContext`) };
  assert.deepEqual(readMessage(SOCKET, tree, readUpstreamTransport).errors, [
    `typed_config: Didn't find a registered implementation for 'tls' with type URL: 'envoy.${TLS}.DownstreamTlsContext'`,
  ]);
  const quic = { name: 'quic', typed_config: typed('extensions.transport_sockets.quic.v3.QuicDownstreamTransport') };
  assert.match(
    readMessage(SOCKET, quic, readDownstreamTransport).errors[0],
    /is not supported by Fairlead: HTTP\/3 is not spoken/,
  );
});

test('a server has a certificate and the defaults of Envoy', () => {
  const { tls, errors } = downstream(common({ tls_certificates: [SERVED] }));
  assert.deepEqual(errors, []);
  assert.equal(tls?.certificates[0].chain.pem, own.cert);
  assert.equal(tls?.certificates[0].secretName, '');
  assert.equal(tls?.minVersion, 'TLSv1.2');
  assert.equal(tls?.maxVersion, 'TLSv1.3');
  assert.equal(tls?.requireClientCertificate, false);
  assert.equal(tls?.ocspStaplePolicy, 'LENIENT_STAPLING');
  assert.deepEqual(tls?.sessionTicketKeys, []);
});

test('a server without a certificate is refused', () => {
  assert.deepEqual(downstream({}).errors, ['No TLS certificates found for server context']);
  assert.deepEqual(downstream(common({ tls_certificates: [{}] })).errors, [
    'Server TlsCertificates must have a certificate specified',
  ]);
});

test('a client has the defaults of Envoy', () => {
  const { tls, errors } = upstream({ sni: 'a.test' });
  assert.deepEqual(errors, []);
  assert.equal(tls?.sni, 'a.test');
  assert.equal(tls?.maxVersion, 'TLSv1.2');
  assert.equal(tls?.maxSessionKeys, 1);
  assert.deepEqual(tls?.certificates, []);
  assert.equal(tls?.validation, undefined);
});

test('a client shows one certificate at the most', () => {
  assert.deepEqual(upstream(common({ tls_certificates: [SERVED, SERVED] })).errors, [
    'Multiple TLS certificates are not supported for client contexts',
  ]);
});

test('certificates and keys that do not fit are refused in the words of Envoy', () => {
  const words = (tree: Json) => upstream(common({ tls_certificates: [tree] })).errors;
  const key = 'Failed to load private key from <inline>, Cause: error:';
  const other = certificate({ commonName: 'other' });
  const { cert } = own;
  assert.deepEqual(words(pair({ cert: 'x', key: own.key })), ['Failed to load certificate chain from <inline>']);
  assert.deepEqual(words(pair({ cert, key: 'x' })), [`${key}0900006e:PEM routines:OPENSSL_internal:NO_START_LINE`]);
  assert.deepEqual(words(pair({ cert, key: other.key })), [
    `${key}0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH`,
  ]);
  assert.deepEqual(words({ private_key: inline(own.key) }), [
    'Failed to load incomplete certificate from : certificate chain not set',
  ]);
  assert.deepEqual(words({ certificate_chain: inline(cert) }), ['Failed to load incomplete private key from path: ']);
  assert.deepEqual(words({ ...SERVED, certificate_chain: { filename: '/not/there' } }), [
    'Failed to load incomplete certificate from /not/there: certificate chain not set',
  ]);
});

test('an encrypted key needs its password', () => {
  const cipher = { cipher: 'aes-128-cbc', passphrase: 'secret', type: 'pkcs8', format: 'pem' } as const;
  const key = createPrivateKey(own.key).export(cipher).toString();
  const words = (more: Json) =>
    upstream(common({ tls_certificates: [pair({ cert: own.cert, key }, more)] })).errors.join();
  assert.equal(words({ password: inline('secret') }), '');
  assert.match(words({}), /BAD_PASSWORD_READ$/);
  // One wrong password in 256 decrypts to something, which is then no key.
  assert.match(words({ password: inline('wrong') }), /BAD_DECRYPT$|DECODER routines::unsupported$/);
});

test('a file is read, and its path is kept', () => {
  const files = (path: string): Buffer => Buffer.from(path === '/cert' ? own.cert : own.key);
  const tree = { certificate_chain: { filename: '/cert' }, private_key: { filename: '/key' } };
  const { tls } = upstream(common({ tls_certificates: [tree] }), { files });
  assert.deepEqual(tls?.certificates[0].chain, { pem: own.cert, path: '/cert' });
  assert.equal(tls?.certificates[0].key.path, '/key');
});

test('secrets of the bootstrap are found by name', () => {
  const given = secrets({ name: 's', tls_certificate: SERVED }, { name: 's', validation_context: { trusted_ca: CA } });
  const { tls, errors } = downstream(
    common({
      tls_certificate_sds_secret_configs: [{ name: 's' }],
      validation_context_sds_secret_config: { name: 's' },
    }),
    given,
  );
  assert.deepEqual(errors, []);
  assert.equal(tls?.certificates[0].secretName, 's');
  assert.equal(tls?.validation?.secretName, 's');
});

test('a secret that is not there is refused in the words of Envoy', () => {
  const named = { name: 'x' };
  assert.deepEqual(upstream(common({ tls_certificate_sds_secret_configs: [named] })).errors, [
    'Unknown static secret: x',
  ]);
  assert.deepEqual(upstream(common({ validation_context_sds_secret_config: named })).errors, [
    'Unknown static certificate validation context: x',
  ]);
  assert.deepEqual(
    downstream({ ...common({ tls_certificates: [SERVED] }), session_ticket_keys_sds_secret_config: named }).errors,
    ['Unknown tls session ticket keys: x'],
  );
});

test('a secret over ADS needs an ADS in the bootstrap', () => {
  const reference = { name: 'x', sds_config: { ads: {} } };
  const { errors } = upstream(common({ tls_certificate_sds_secret_configs: [reference] }));
  assert.deepEqual(errors, ['ADS is not configured: the bootstrap has no ads_config']);
});

test('a combined context is the default with the secret over it', () => {
  const combined = {
    default_validation_context: {
      match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'a.test' } }],
      max_verify_depth: 3,
    },
    validation_context_sds_secret_config: { name: 's' },
  };
  const secret = { trusted_ca: CA, verify_certificate_spki: [own.spki], max_verify_depth: 1 };
  const given = secrets({ name: 's', validation_context: secret });
  const { tls, errors } = upstream(common({ combined_validation_context: combined }), given);
  assert.deepEqual(errors, []);
  assert.deepEqual(tls?.validation, {
    trustedCa: { pem: testAuthority().cert, path: '' },
    verifyCertificateSpki: [own.spki],
    verifyCertificateHash: [],
    matchSubjectAltNames: [{ sanType: 'DNS', matcher: { kind: 'exact', value: 'a.test', ignoreCase: false } }],
    onlyVerifyLeafCrl: false,
    allowExpiredCertificate: false,
    trustChainVerification: 'VERIFY_TRUST_CHAIN',
    maxVerifyDepth: 1,
    secretName: 's',
  });
});

test('a validation context that is worth nothing is refused in the words of Envoy', () => {
  const words = (fields: Json) => upstream(validation(fields)).errors.join();
  const name = { san_type: 'DNS', matcher: { exact: 'a' } };
  assert.equal(words({ trusted_ca: inline('x') }), 'Failed to load trusted CA certificates from <inline>');
  assert.equal(words({ trusted_ca: inline('') }), 'DataSource cannot be empty');
  assert.equal(words({ crl: inline('x') }), 'Failed to load CRL from <inline> without trusted CA');
  const badList = '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n';
  assert.equal(words({ trusted_ca: CA, crl: inline(badList) }), 'Failed to load CRL from <inline>');
  assert.equal(
    words({ match_typed_subject_alt_names: [name] }),
    'SAN-based verification of peer certificates without trusted CA is insecure and not allowed',
  );
  assert.equal(
    words({ allow_expired_certificate: true }),
    'Certificate validity period is always ignored without trusted CA',
  );
  const z = 'z'.repeat(64);
  assert.equal(words({ verify_certificate_hash: [z] }), `Invalid hex-encoded SHA-256 ${z}`);
  const a = 'A'.repeat(44);
  assert.equal(words({ verify_certificate_spki: [a] }), `Invalid base64-encoded SHA-256 ${a}`);
});

test('hashes are taken with colons or without', () => {
  const hex = createHash('sha256').update('x').digest('hex');
  const colons = hex.toUpperCase().match(/../g)?.join(':');
  const { tls, errors } = upstream(validation({ verify_certificate_hash: [hex, colons] }));
  assert.deepEqual(errors, []);
  assert.deepEqual(tls?.validation?.verifyCertificateHash, [hex, hex]);
});

test('a matcher without a type of name is for every type', () => {
  const { tls } = upstream(validation({ trusted_ca: CA, match_subject_alt_names: [{ exact: 'a' }] }));
  assert.deepEqual(
    tls?.validation?.matchSubjectAltNames.map(({ sanType }) => sanType),
    ['DNS', 'URI', 'EMAIL', 'IP_ADDRESS'],
  );
});

test('names of the type OTHER_NAME need the form that they have', () => {
  const read = (oid: string) => {
    const name = { san_type: 'OTHER_NAME', oid, matcher: { exact: 'a' } };
    return upstream(validation({ trusted_ca: CA, match_typed_subject_alt_names: [name] }));
  };
  assert.equal(read('1.2.3').tls?.validation?.matchSubjectAltNames[0].oid, '1.2.3');
  assert.match(read('zz').errors.join(), /Failed to create SAN matcher for OTHER_NAME with OID: zz/);
});

test('the authorities of the system are read where they are asked for', () => {
  const path = '/etc/ssl/cert.pem';
  const files = (asked: string): Buffer => {
    if (asked !== path) throw new Error('not there');
    return Buffer.from(testAuthority().cert);
  };
  const { tls } = upstream(validation({ system_root_certs: {} }), { files });
  assert.deepEqual(tls?.validation?.trustedCa, { pem: testAuthority().cert, path });
});

test('protocols may stand in one item, with commas', () => {
  assert.deepEqual(upstream(common({ alpn_protocols: ['h2,http/1.1'] })).tls?.alpnProtocols, ['h2', 'http/1.1']);
  assert.deepEqual(upstream(common({ alpn_protocols: [''] })).tls?.alpnProtocols, []);
  assert.deepEqual(upstream(common({ alpn_protocols: ['a,,b'] })).errors, ['Invalid ALPN protocol string']);
});

test('a key log that cannot be written is refused in the words of Envoy', () => {
  assert.deepEqual(upstream(common({ key_log: { path: '/not/there/keys' } })).errors, [
    "unable to open file '/not/there/keys': No such file or directory",
  ]);
  const path = join(tmpdir(), 'fairlead-keys-that-nobody-writes');
  const ranges = { remote_address_range: [{ address_prefix: '127.0.0.1', prefix_len: 8 }] };
  assert.deepEqual(upstream(common({ key_log: { path, ...ranges } })).tls?.keyLog, {
    path,
    localRanges: [],
    remoteRanges: [{ address: '127.0.0.1', prefixLength: 8 }],
  });
});

test('ticket keys are 80 bytes long', () => {
  const keys = (length: number) => ({
    ...common({ tls_certificates: [SERVED] }),
    session_ticket_keys: { keys: [inline('k'.repeat(length))] },
  });
  assert.equal(downstream(keys(80)).tls?.sessionTicketKeys[0].length, 80);
  assert.deepEqual(downstream(keys(3)).errors, [
    'Incorrect TLS session ticket key length. Length 3, expected length 80.',
  ]);
});

test('stapling that must be needs a staple', () => {
  const fields = { ...common({ tls_certificates: [SERVED] }), ocsp_staple_policy: 'MUST_STAPLE' };
  assert.deepEqual(downstream(fields).errors, ['Required OCSP response is missing from TLS context']);
  const asText = common({ tls_certificates: [{ ...SERVED, ocsp_staple: inline('x') }] });
  assert.deepEqual(downstream(asText).errors, ['OCSP staple cannot be provided via inline_string']);
});

test('names of the server that is asked for are checked for what they need', () => {
  assert.deepEqual(upstream({ sni: 'a\0b' }).errors, ['SNI names containing NULL-byte are not allowed']);
  assert.deepEqual(upstream({ auto_sni_san_validation: true }).errors, [
    "'auto_sni_san_validation' was configured without a validation context",
  ]);
  assert.deepEqual(upstream({ auto_sni_san_validation: true, ...validation({}) }).errors, [
    "'auto_sni_san_validation' was configured without configuring a trusted CA",
  ]);
});

test('a map of SPIFFE bundles says what is wrong with it', () => {
  const TYPE = 'extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig';
  const x5c = testAuthority().cert.replaceAll(/-----[^-]*-----|\n/g, '');
  const read = (map: unknown) => {
    const bundles = inline(typeof map === 'string' ? map : JSON.stringify(map));
    const trust_domains = [{ name: 'a.test', trust_bundle: CA }];
    const typed_config = typed(TYPE, { trust_domains, trust_bundles: bundles });
    return upstream(validation({ custom_validator_config: { name: 'spiffe', typed_config } }));
  };
  const keys = (...list: unknown[]) => ({ trust_domains: { 'b.test': { keys: list } } });
  const good = read(keys({ use: 'x509-svid', x5c: [x5c] }, { use: 'jwt-svid' })).tls?.validation?.trustDomains;
  assert.deepEqual(
    good?.map(({ name }) => name),
    ['b.test'],
  );
  const wrong: [map: unknown, words: RegExp][] = [
    ['{', /Invalid JSON/],
    [null, /No trust domains/],
    [{ trust_domains: [] }, /No trust domains/],
    [{ trust_domains: { a: null } }, /No keys found .* 'a'/],
    [keys(7), /missing or invalid 'use'/],
    [keys({ use: 'x509-svid' }), /missing or empty 'x5c'/],
    [keys({ use: 'x509-svid', x5c: [7] }), /Invalid x509/],
  ];
  for (const [map, words] of wrong) assert.match(read(map).errors.join(), words);
});
