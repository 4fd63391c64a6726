/**
 * TLS downstream and upstream: which certificate is shown to whom, which versions are spoken, who is let in, and what is
 * told of the client. Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl.
 */
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  downstreamTls,
  httpListener,
  type Json,
  staticCluster,
  typed,
  upstreamTls,
  withRoutes,
} from '#testing/bootstrap.ts';
import { type Certificate, certificate, signed, testAuthority } from '#testing/certificates.ts';
import { type WireOptions, wireClient } from '#testing/wire-client.ts';
import { compare } from './compare.ts';
import { type Case, get } from './subject.ts';

const inline = (text: string): Json => ({ inline_string: text });
const shown = (...all: Certificate[]): Json => ({
  tls_certificates: all.map(({ cert, key }) => ({ certificate_chain: inline(cert), private_key: inline(key) })),
});
const trusting = (more: Json = {}): Json => ({
  validation_context: { trusted_ca: inline(testAuthority().cert), ...more },
});
const san = (san_type: string, matcher: Json): Json => ({ match_typed_subject_alt_names: [{ san_type, matcher }] });

const server = signed('server.test', ['DNS:server.test', 'DNS:*.wild.test']);
const other = signed('other.test');
const rsa = signed('rsa.test', ['DNS:rsa.test'], { rsa: true });
const client = signed('client', ['URI:spiffe://mesh/client', 'DNS:client.test']);
const expired = signed('expired', ['DNS:expired.test'], { days: -1 });
const stranger = certificate({ commonName: 'stranger', names: ['DNS:stranger.test'] });

/** Each listener's TLS context. */
const LISTENERS: Record<string, [common: Json, more?: Json, manager?: Json]> = {
  plain: [shown(server)],
  'several certificates': [shown(other, server, rsa)],
  'TLS 1.2 only': [{ ...shown(server), tls_params: { tls_maximum_protocol_version: 'TLSv1_2' } }],
  'TLS 1.3 only': [{ ...shown(server), tls_params: { tls_minimum_protocol_version: 'TLSv1_3' } }],
  'one cipher': [
    {
      ...shown(server),
      tls_params: { tls_maximum_protocol_version: 'TLSv1_2', cipher_suites: ['ECDHE-ECDSA-AES256-GCM-SHA384'] },
    },
  ],
  ALPN: [{ ...shown(server), alpn_protocols: ['x-test', 'http/1.1'] }],
  'client wanted': [{ ...shown(server), ...trusting() }, { require_client_certificate: true }],
  'client asked': [{ ...shown(server), ...trusting() }],
  'client by URI': [
    { ...shown(server), ...trusting(san('URI', { prefix: 'spiffe://mesh/' })) },
    { require_client_certificate: true },
  ],
  'client by another URI': [
    { ...shown(server), ...trusting(san('URI', { exact: 'spiffe://mesh/other' })) },
    { require_client_certificate: true },
  ],
  'client by DNS': [
    { ...shown(server), ...trusting(san('DNS', { suffix: '.test' })) },
    { require_client_certificate: true },
  ],
  'client by hash': [
    { ...shown(server), ...trusting({ verify_certificate_hash: [client.sha256] }) },
    { require_client_certificate: true },
  ],
  'client by another hash': [
    { ...shown(server), ...trusting({ verify_certificate_hash: [server.sha256] }) },
    { require_client_certificate: true },
  ],
  'client by key': [
    { ...shown(server), ...trusting({ verify_certificate_spki: [client.spki] }) },
    { require_client_certificate: true },
  ],
  'any client': [
    { ...shown(server), ...trusting({ trust_chain_verification: 'ACCEPT_UNTRUSTED' }) },
    { require_client_certificate: true },
  ],
};
for (const mode of ['SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY']) {
  const details = { set_current_client_cert_details: { subject: true, cert: true, chain: true, dns: true, uri: true } };
  LISTENERS[`xfcc ${mode}`] = [
    { ...shown(server), ...trusting() },
    {},
    { forward_client_cert_details: mode, ...details },
  ];
}
const told = { subject: true, uri: true, dns: true, issuer: true };
for (const [name, mode, format, more] of [
  ['issuer', 'SANITIZE_SET', 'TEXT'],
  ['JSON', 'SANITIZE_SET', 'JSON', { cert: true, chain: true }],
  ['JSON behind text', 'APPEND_FORWARD', 'JSON'],
]) {
  const details = {
    forward_client_cert_details: mode,
    set_current_client_cert_details: { ...told, format, ...(more as Json) },
  };
  LISTENERS[`xfcc ${name}`] = [{ ...shown(server), ...trusting() }, {}, details];
}
const MANAGER = 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const withCertOf = (mode: string, more: Json = {}) => ({
  action: {
    name: 'a',
    typed_config: typed(`${MANAGER}.ForwardClientCertConfig`, { forward_client_cert_details: mode, ...more }),
  },
});
const whereRule = (exact: string, on_match: Json) => ({
  predicate: {
    single_predicate: {
      input: {
        name: 'i',
        typed_config: typed('type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: 'x-rule' }),
      },
      value_match: { exact },
    },
  },
  on_match,
});
LISTENERS['xfcc matched'] = [
  { ...shown(server), ...trusting() },
  {},
  {
    forward_client_cert_details: 'FORWARD_ONLY',
    forward_client_cert_matcher: {
      matcher_list: {
        matchers: [
          whereRule('set', withCertOf('SANITIZE_SET', { set_current_client_cert_details: told })),
          whereRule('none', withCertOf('SANITIZE')),
          whereRule('always', withCertOf('ALWAYS_FORWARD_ONLY')),
        ],
      },
    },
  },
];

const SPOOFED = 'x-forwarded-client-cert: By=spiffe://elsewhere;Hash=abc;URI=spiffe://mesh/before';

/** Notes what the handshake agreed on, or that there was none, then asks. */
function greeting(options: WireOptions['tls'] = {}, rule = ''): Case['send'] {
  return async (wire, { note, proxy, listener }) => {
    wire.destroy();
    const tls = { servername: 'server.test', ALPNProtocols: ['http/1.1'], ...options };
    const secure = await wireClient(await proxy.listenerPort(listener), { tls, patience: 1500 }).catch(() => undefined);
    if (secure === undefined) return note('no handshake');
    const socket = secure.socket as TLSSocket;
    await secure.send(get('/', SPOOFED, `x-rule: ${rule}`));
    const response = await secure.response().catch(() => undefined);
    if (response === undefined) note(`no answer (${secure.ending === undefined ? 'open' : 'closed'})`);
    else
      note(
        `${response.status} ${socket.getProtocol()} ${socket.getCipher().name} ${socket.alpnProtocol} ${socket.getPeerCertificate().subject?.CN} ${response.body}`,
      );
    secure.destroy();
  };
}

const withClient = { cert: client.cert, key: client.key };
const cases: Case[] = [];
function on(listener: string, names: Record<string, WireOptions['tls']>, rule?: string): void {
  for (const [name, options] of Object.entries(names))
    cases.push({ name: `${listener}: ${name}`, listener, probe: false, methods: [], send: greeting(options, rule) });
}
on('plain', {
  'TLS 1.3': {},
  'TLS 1.2': { maxVersion: 'TLSv1.2' },
  'TLS 1.1': { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
  'no ALPN': { ALPNProtocols: undefined },
  'no server name': { servername: '' },
  'a client certificate that nobody asked for': withClient,
  P384: { ecdhCurve: 'P-384' },
});
on('several certificates', {
  first: { servername: 'other.test' },
  second: { servername: 'server.test' },
  wild: { servername: 'a.wild.test' },
  'not so deep': { servername: 'a.b.wild.test' },
  'in capitals': { servername: 'SERVER.TEST' },
  RSA: { servername: 'rsa.test' },
  unknown: { servername: 'unknown.test' },
  none: { servername: '' },
  'RSA only': { servername: 'rsa.test', sigalgs: 'rsa_pss_rsae_sha256' },
});
on('TLS 1.2 only', { 'TLS 1.3 offered': {}, 'TLS 1.3 wanted': { minVersion: 'TLSv1.3' } });
on('TLS 1.3 only', { 'TLS 1.3 offered': {}, 'TLS 1.2 wanted': { maxVersion: 'TLSv1.2' } });
on('one cipher', { fits: {}, 'does not fit': { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } });
on('ALPN', {
  first: { ALPNProtocols: ['http/1.1', 'x-test'] },
  second: { ALPNProtocols: ['http/1.1'] },
  'none in common': { ALPNProtocols: ['h3'] },
});
for (const listener of Object.keys(LISTENERS).filter((name) => name.includes('client'))) {
  on(listener, {
    none: {},
    'the right one': withClient,
    'a stranger': { cert: stranger.cert, key: stranger.key },
    'an expired one': { cert: expired.cert, key: expired.key },
    'the right one, TLS 1.2': { ...withClient, maxVersion: 'TLSv1.2' },
    'none, TLS 1.2': { maxVersion: 'TLSv1.2' },
  });
}
for (const listener of Object.keys(LISTENERS).filter((name) => name.startsWith('xfcc')))
  on(listener, { 'with a certificate': withClient, 'without one': {} });
for (const rule of ['set', 'none', 'always'])
  on('xfcc matched', { [`${rule}, with a certificate`]: withClient, [`${rule}, without one`]: {} }, rule);

test('downstream TLS lets in whom Envoy does, with the same certificate and version', async (t) => {
  await compare(t, {
    upstreams: { c: answer('fine') },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, [common, more, manager]]) =>
          httpListener({ name, manager: { stat_prefix: 'in', ...manager }, chain: downstreamTls(common, more) }),
        ),
        [staticCluster('c', [c])],
      ),
    counters:
      /^http\.in\.downstream_cx_ssl_total|^listener\..*\.ssl\.(handshake|fail_verify_(san|cert_hash|no_cert|error)|no_certificate|connection_error)$/,
    cases,
  });
});

/** Filter chains of one listener, by server name. */
test('the filter chain is the one that Envoy chooses by server name, protocol and source', async (t) => {
  const chain = (name: string, filter_chain_match: Json, tls?: Certificate): Json => ({
    name,
    filter_chain_match,
    ...(tls ? downstreamTls(shown(tls)) : {}),
  });
  const matches: [string, Json, Certificate?][] = [
    ['exact', { server_names: ['server.test'] }, server],
    ['wild', { server_names: ['*.wild.test'] }, server],
    ['wilder', { server_names: ['*.test'] }, other],
    ['alpn', { server_names: ['server.test'], application_protocols: ['x-test'] }, other],
    ['tls', { transport_protocol: 'tls' }, rsa],
    ['local', { source_prefix_ranges: [{ address_prefix: '127.0.0.1', prefix_len: 32 }] }],
  ];
  const direct = (name: string): Json => ({
    route_config: {
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: name } } }],
        },
      ],
    },
  });
  const listener = httpListener({
    listener: {
      listener_filters: [
        {
          name: 'envoy.filters.listener.tls_inspector',
          typed_config: typed('extensions.filters.listener.tls_inspector.v3.TlsInspector'),
        },
      ],
      filter_chains: matches.map(([name, match, tls]) => ({
        ...(httpListener({ manager: direct(name) }).filter_chains as Json[])[0],
        ...chain(name, match, tls),
      })),
    },
  });
  const byName: Record<string, WireOptions['tls']> = {
    exact: {},
    wild: { servername: 'a.wild.test' },
    deeper: { servername: 'a.b.wild.test' },
    wilder: { servername: 'x.test' },
    alpn: { ALPNProtocols: ['x-test', 'http/1.1'] },
    unknown: { servername: 'elsewhere' },
    none: { servername: '' },
    capitals: { servername: 'SERVER.test' },
  };
  await compare(t, {
    bootstrap: () => bootstrap([listener]),
    cases: [
      { name: 'no TLS', send: get('/') },
      ...Object.entries(byName).map(
        ([name, options]): Case => ({ name, probe: false, methods: [], send: greeting(options) }),
      ),
    ],
  });
});

test('upstream TLS trusts whom Envoy does, and shows what Envoy shows', async (t) => {
  const contexts: Record<string, [common: Json, more?: Json]> = {
    'no validation': [{}],
    trusted: [trusting(), { sni: 'server.test' }],
    'by name': [trusting(san('DNS', { exact: 'server.test' })), { sni: 'server.test' }],
    'by another name': [trusting(san('DNS', { exact: 'other.test' }))],
    'by hash': [{ validation_context: { verify_certificate_hash: [server.sha256] } }],
    'another authority': [{ validation_context: { trusted_ca: inline(stranger.cert) } }],
    'client certificate': [{ ...trusting(), ...shown(client) }],
    'TLS 1.2': [{ ...trusting(), tls_params: { tls_maximum_protocol_version: 'TLSv1_2' } }],
    'auto SNI': [trusting()],
  };
  const tls = {
    key: server.key,
    cert: server.cert,
    requestCert: true,
    rejectUnauthorized: false,
    ca: testAuthority().cert,
  };
  const path = (name: string): string => `/${name.replaceAll(' ', '-')}`;
  await compare(t, {
    upstreams: {
      c: {
        tls,
        behaviour: async (exchange) => {
          const socket = exchange.socket as TLSSocket;
          await answer(
            `${socket.getProtocol()} ${(socket as TLSSocket & { servername?: string }).servername} ${socket.getPeerCertificate()?.subject?.CN}`,
          )(exchange);
        },
      },
    },
    bootstrap: ({ c }) =>
      withRoutes(
        Object.keys(contexts).map((name) => ({ match: { path: path(name) }, route: { cluster: name } })),
        Object.entries(contexts).map(([name, [common, more]]) => staticCluster(name, [c], upstreamTls(common, more))),
      ),
    counters: /^cluster\..*\.ssl\.(handshake|fail_verify_(san|cert_hash|error)|connection_error)$/,
    cases: Object.keys(contexts).map((name) => ({ name, send: get(path(name)) })),
  });
});
