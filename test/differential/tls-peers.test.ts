/**
 * Which client certificates are let in: by trust domain, by names of every kind, unless revoked; and what is told of those that are not.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto
 */
import { test } from 'node:test';
import {
  answering,
  bootstrap,
  downstreamTls,
  httpListener,
  type Json,
  routeConfig,
  typed,
} from '#testing/bootstrap.ts';
import { type Certificate, certificate, revocationList, signed, testAuthority } from '#testing/certificates.ts';
import { wireClient } from '#testing/wire-client.ts';
import { compare } from './compare.ts';
import { type Case, get } from './subject.ts';

const inline = (text: string): Json => ({ inline_string: text });
const server = signed('server.test', ['DNS:server.test']);
const other = certificate({ commonName: 'Other authority', isAuthority: true });
const middle = certificate({ commonName: 'Intermediate', isAuthority: true, authority: testAuthority() });
const below = (signer: Certificate, name: string, names: string[], days?: number) => ({
  ...certificate({
    commonName: name,
    names,
    authority: signer,
    keyUsage: 'digitalSignature',
    ...(days === undefined ? {} : { days }),
  }),
});
const chained = (leaf: Certificate) => ({ ...leaf, cert: leaf.cert + middle.cert });

const CLIENTS: Record<string, Certificate> = {
  one: below(testAuthority(), 'one', [
    'URI:spiffe://one.test/ns/a',
    'DNS:a.one.test',
    'email:a@one.test',
    'IP:10.1.2.3',
  ]),
  two: below(other, 'two', ['URI:spiffe://two.test/ns/b']),
  'two from the authority of one': below(testAuthority(), 'false two', ['URI:spiffe://two.test/ns/b']),
  'of an unknown domain': below(testAuthority(), 'three', ['URI:spiffe://three.test/ns/c']),
  'without an identity': below(testAuthority(), 'plain', ['DNS:plain.test']),
  expired: below(testAuthority(), 'old', ['URI:spiffe://one.test/ns/old', 'DNS:old.test'], -1),
  'by an intermediate': chained(below(middle, 'deep', ['URI:spiffe://one.test/ns/deep', 'DNS:deep.test'])),
  'an authority': certificate({
    commonName: 'ca',
    isAuthority: true,
    names: ['URI:spiffe://one.test/ca'],
    authority: testAuthority(),
  }),
  'without a key usage': signed('free', ['URI:spiffe://one.test/free']),
  revoked: below(testAuthority(), 'revoked', ['DNS:revoked.test', 'URI:spiffe://one.test/revoked']),
  'with names of other forms': below(testAuthority(), 'odd', [
    'otherName:1.2.3.4;UTF8:someone',
    'otherName:1.2.3.5;INT:77',
    'DNS:odd.test',
  ]),
};
const list = revocationList(testAuthority(), [CLIENTS.revoked]);
const both = list + revocationList(middle, []);
const TLS = 'extensions.transport_sockets.tls.v3';
const spiffe = (more: Json = {}, config: Json = {}): Json => ({
  custom_validator_config: {
    name: 'envoy.tls.cert_validator.spiffe',
    typed_config: typed(`${TLS}.SPIFFECertValidatorConfig`, {
      trust_domains: [
        { name: 'one.test', trust_bundle: inline(testAuthority().cert) },
        { name: 'two.test', trust_bundle: inline(other.cert) },
      ],
      ...config,
    }),
  },
  ...more,
});
const trusting = (more: Json): Json => ({ trusted_ca: inline(testAuthority().cert), ...more });
const san = (san_type: string, matcher: Json, more: Json = {}): Json =>
  trusting({ match_typed_subject_alt_names: [{ san_type, matcher, ...more }] });
const x5c = (one: Certificate) => one.cert.replaceAll(/-----[^-]*-----|\n/g, '');
const bundles = {
  trust_domains: { 'one.test': { keys: [{ kty: 'EC', use: 'x509-svid', x5c: [x5c(testAuthority())] }] } },
};

/** Each listener's validation context. */
const LISTENERS: Record<string, Json> = {
  SPIFFE: spiffe(),
  'SPIFFE by bundle map': spiffe({}, { trust_bundles: inline(JSON.stringify(bundles)) }),
  'SPIFFE with names': spiffe({ match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { suffix: '/a' } }] }),
  'SPIFFE and expired': spiffe({ allow_expired_certificate: true }),
  'expired allowed': trusting({ allow_expired_certificate: true }),
  'CRL of the authority': trusting({ crl: inline(list) }),
  'CRLs of both': trusting({ crl: inline(both) }),
  'CRL for the leaf': trusting({ crl: inline(list), only_verify_leaf_cert_crl: true }),
  'CRLs for the leaf': trusting({ crl: inline(both), only_verify_leaf_cert_crl: true }),
  'overdue CRL for the leaf': trusting({
    crl: inline(revocationList(testAuthority(), [], -2)),
    only_verify_leaf_cert_crl: true,
  }),
  'CRL of another for the leaf': trusting({ crl: inline(revocationList(other, [])), only_verify_leaf_cert_crl: true }),
  'depth of 0': trusting({ max_verify_depth: 0 }),
  'depth of 1': trusting({ max_verify_depth: 1 }),
  'depth of 2': trusting({ max_verify_depth: 2 }),
  'DNS contains': san('DNS', { contains: 'one' }),
  'DNS in any case': san('DNS', { exact: 'A.ONE.test', ignore_case: true }),
  email: san('EMAIL', { suffix: '@one.test' }),
  address: san('IP_ADDRESS', { exact: '10.1.2.3' }),
  regex: san('URI', { safe_regex: { regex: 'spiffe://[a-z]+\\.test/ns/.*' } }),
  'other name': san('OTHER_NAME', { exact: 'someone' }, { oid: '1.2.3.4' }),
  'other name of another form': san('OTHER_NAME', { exact: 'someone' }, { oid: '1.2.3.5' }),
  'other name that is a number': san('OTHER_NAME', { exact: '77' }, { oid: '1.2.3.5' }),
};

const cases: Case[] = Object.keys(LISTENERS).flatMap((listener) =>
  Object.entries(CLIENTS).map(
    ([name, { cert, key }]): Case => ({
      name: `${listener}: ${name}`,
      listener,
      probe: false,
      methods: [],
      async send(wire, { note, proxy }) {
        wire.destroy();
        const secure = await wireClient(await proxy.listenerPort(listener), {
          tls: { cert, key, maxVersion: 'TLSv1.2' },
        }).catch(() => undefined);
        if (secure === undefined) return note('no handshake');
        await secure.send(get('/'));
        const response = await secure.response().catch(() => undefined);
        note(response === undefined ? 'no answer' : `${response.status} ${response.body}`);
        secure.destroy();
      },
    }),
  ),
);

test('peers', async (t) => {
  await compare(t, {
    bootstrap: () =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, validation_context]) =>
          httpListener({
            name,
            listener: { stat_prefix: name.replaceAll(/\W/g, '_') },
            manager: routeConfig([answering('in', { prefix: '/' })]),
            chain: downstreamTls(
              {
                tls_certificates: [{ certificate_chain: inline(server.cert), private_key: inline(server.key) }],
                validation_context,
              },
              { require_client_certificate: true },
            ),
          }),
        ),
      ),
    cases,
    counters: /\.ssl\./,
  });
});
