/**
 * TLS in detail: secrets by name, parameters, sessions, what is told of a connection, clients of other makers; towards upstreams
 * the names that are asked for and checked, and transports by metadata.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  downstreamTls,
  httpListener,
  httpProtocolOptions,
  type Json,
  routeConfig,
  routeTo,
  socketAddress,
  staticCluster,
  typed,
  upstreamTls,
  withRoutes,
} from '#testing/bootstrap.ts';
import { type Certificate, signed, testAuthority } from '#testing/certificates.ts';
import { type WireOptions, wireClient } from '#testing/wire-client.ts';
import { compare } from './compare.ts';
import { type Acting, type Case, get } from './subject.ts';

const inline = (text: string): Json => ({ inline_string: text });
const pair = ({ cert, key }: Certificate): Json => ({ certificate_chain: inline(cert), private_key: inline(key) });
const shown = (one: Certificate): Json => ({ tls_certificates: [pair(one)] });
const authority = testAuthority();
const trusting = { validation_context: { trusted_ca: inline(authority.cert) } };
const server = signed('server.test', [
  'DNS:server.test',
  'DNS:*.wild.test',
  'IP:127.0.0.1',
  'otherName:1.2.3.4;UTF8:us',
]);
const rsa = signed('rsa.test', ['DNS:rsa.test'], { rsa: true });
const client = signed('client', [
  'URI:spiffe://mesh/client',
  'DNS:client.test',
  'email:client@mesh.test',
  'otherName:1.2.3.4;UTF8:someone',
  'otherName:1.2.3.5;INT:77',
  'otherName:1.2.3.6;BOOL:TRUE',
  'otherName:1.2.3.7;OID:1.2.3',
  'otherName:1.2.3.8;IA5:else',
]);

const FACTS = [
  'DOWNSTREAM_TLS_VERSION',
  'DOWNSTREAM_TLS_CIPHER',
  'DOWNSTREAM_TLS_GROUP',
  'REQUESTED_SERVER_NAME',
  'DOWNSTREAM_PEER_SUBJECT',
  'DOWNSTREAM_PEER_ISSUER',
  'DOWNSTREAM_PEER_URI_SAN',
  'DOWNSTREAM_PEER_DNS_SAN',
  'DOWNSTREAM_PEER_EMAIL_SAN',
  'DOWNSTREAM_PEER_OTHERNAME_SAN',
  'DOWNSTREAM_PEER_FINGERPRINT_256',
  'DOWNSTREAM_PEER_FINGERPRINT_1',
  'DOWNSTREAM_PEER_SERIAL',
  'DOWNSTREAM_PEER_CERT_V_START',
  'DOWNSTREAM_LOCAL_SUBJECT',
  'DOWNSTREAM_LOCAL_DNS_SAN',
  'DOWNSTREAM_LOCAL_OTHERNAME_SAN',
  'DOWNSTREAM_TRANSPORT_FAILURE_REASON',
];
const withFacts = routeConfig([routeTo('/', 'c')], {
  response_headers_to_add: FACTS.map((fact) => ({ header: { key: `x-${fact}`, value: `%${fact}%` } })),
});

const LISTENERS: Record<string, [common: Json, more?: Json]> = {
  'secrets by name': [
    {
      tls_certificate_sds_secret_configs: [{ name: 'shown' }],
      validation_context_sds_secret_config: { name: 'trusted' },
    },
    { require_client_certificate: true },
  ],
  'combined context': [
    {
      ...shown(server),
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://mesh/' } }],
        },
        validation_context_sds_secret_config: { name: 'trusted' },
      },
    },
  ],
  'one curve': [{ ...shown(server), tls_params: { ecdh_curves: ['P-384'] } }],
  'two curves': [{ ...shown(server), tls_params: { ecdh_curves: ['P-256', 'X25519'] } }],
  'RSA and its ciphers': [
    {
      ...shown(rsa),
      tls_params: {
        tls_maximum_protocol_version: 'TLSv1_2',
        cipher_suites: ['[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]', 'ECDHE-RSA-AES256-GCM-SHA384'],
      },
    },
  ],
  'the name must be there': [shown(server), { require_sni: true }],
  'no tickets': [shown(server), { disable_stateless_session_resumption: true }],
  'client asked': [{ ...shown(server), ...trusting }],
};

async function secure({ proxy, listener }: Acting, options: WireOptions['tls'] = {}) {
  const tls = { servername: 'server.test', ...options };
  return await wireClient(await proxy.listenerPort(listener), { tls, patience: 1500 });
}

/** Asks over TLS, and notes the handshake and the facts. */
function asking(options: WireOptions['tls'] = {}): Case['send'] {
  return async (wire, acting) => {
    wire.destroy();
    const talk = await secure(acting, options).catch(() => undefined);
    if (talk === undefined) return acting.note('no handshake');
    await talk.send(get('/'));
    const response = await talk.response().catch(() => undefined);
    if (response === undefined) return acting.note('no answer');
    const socket = talk.socket as TLSSocket;
    const key = socket.getEphemeralKeyInfo() as { name?: string };
    acting.note([response.status, socket.getProtocol(), socket.getCipher().name, key.name].join(' '));
    for (const fact of FACTS) acting.note(`${fact}: ${response.header(`x-${fact.toLowerCase()}`)}`);
    talk.destroy();
  };
}

/** Two connections, the second with the session of the first. */
function resuming(options: WireOptions['tls']): Case['send'] {
  return async (wire, acting) => {
    wire.destroy();
    const first = await secure(acting, options);
    let session: Buffer | undefined = (first.socket as TLSSocket).getSession();
    first.socket.on('session', (fresh: Buffer) => {
      session = fresh;
    });
    await first.send(get('/'));
    await first.response();
    first.destroy();
    const second = await secure(acting, { ...options, session });
    await second.send(get('/'));
    acting.note(`${(await second.response()).status} reused: ${(second.socket as TLSSocket).isSessionReused()}`);
    second.destroy();
  };
}

/** Runs a program; `PORT` among its arguments is the listener's. Notes what it prints that is named. */
function program(name: string, args: string[], seen: RegExp, input = ''): Case['send'] {
  return async (wire, acting) => {
    wire.destroy();
    const port = await acting.proxy.listenerPort(acting.listener);
    const child = execFile(
      name,
      args.map((arg) => arg.replace('PORT', `${port}`)),
    );
    let output = '';
    child.stdout?.on('data', (text) => {
      output += text;
    });
    child.stderr?.resume();
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    await once(child, 'close');
    for (const found of output.match(seen) ?? []) acting.note(found);
  };
}

const withClient = { cert: client.cert, key: client.key };
const cases: Case[] = [];
const add = (listener: string, name: string, send: Case['send']): void =>
  void cases.push({ name: `${listener}: ${name}`, listener, probe: false, methods: [], send });
for (const listener of Object.keys(LISTENERS)) {
  add(listener, 'a certificate', asking(withClient));
  add(listener, 'none', asking());
  add(listener, 'TLS 1.2', asking({ ...withClient, maxVersion: 'TLSv1.2' }));
  add(listener, 'no server name', asking({ ...withClient, servername: '' }));
  add(listener, 'P-384', asking({ ...withClient, ecdhCurve: 'P-384' }));
}
for (const cipher of ['CHACHA20-POLY1305:AES128-GCM-SHA256', 'AES128-GCM-SHA256:CHACHA20-POLY1305'])
  add(
    'RSA and its ciphers',
    `the client prefers ${cipher}`,
    asking({ ciphers: cipher.replaceAll(/(^|:)/g, '$1ECDHE-RSA-'), maxVersion: 'TLSv1.2' }),
  );
for (const listener of ['client asked', 'two curves']) {
  add(listener, 'a session of TLS 1.3', resuming({}));
  add(listener, 'a session of TLS 1.2', resuming({ maxVersion: 'TLSv1.2' }));
  add(listener, 'a session with a certificate', resuming(withClient));
}
add('no tickets', 'a session of TLS 1.3', resuming({}));
const CURL = ['-sk', '--resolve', 'server.test:PORT:127.0.0.1', 'https://server.test:PORT/'];
const WRITE_OUT = ['-w', ' %{http_code} %{http_version} %{ssl_verify_result}\n'];
add('client asked', 'curl', program('curl', [...CURL, ...WRITE_OUT], /fine \d+ \S+ \d+/g));
const S_CLIENT = ['s_client', '-connect', '127.0.0.1:PORT', '-servername', 'server.test', '-ign_eof'];
const LAST = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
const SEEN = /^(subject=|issuer=|Peer signature type|Server Temp Key|New, |Verification|HTTP\/1).*/gm;
add('client asked', 'openssl, TLS 1.3', program('openssl', [...S_CLIENT, '-tls1_3'], SEEN, LAST));
add('client asked', 'openssl, TLS 1.2', program('openssl', [...S_CLIENT, '-tls1_2'], SEEN, LAST));

test('secrets, parameters, sessions and facts are those of Envoy', async (t) => {
  await compare(t, {
    upstreams: { c: answer('fine') },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, [common, more]]) =>
          httpListener({ name, manager: withFacts, chain: downstreamTls(common, more) }),
        ),
        [staticCluster('c', [c])],
        {
          static_resources: {
            secrets: [
              { name: 'shown', tls_certificate: pair(server) },
              { name: 'trusted', ...trusting },
            ],
          },
        },
      ),
    counters: /^listener\..*\.ssl\.|^http\.in\.downstream_cx_(ssl|total|destroy)/,
    cases,
  });
});

test('names that upstreams are asked for, and checked for, are those of Envoy', async (t) => {
  const named = (hostname: string, port: number, metadata: Json = {}): Json => ({
    load_assignment: {
      cluster_name: 'x',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port), hostname }, ...metadata }] }],
    },
  });
  const auto = (fields: Json): Json => httpProtocolOptions({ upstream_http_protocol_options: fields });
  const clusters = (port: number, plain: number): Record<string, Json> => ({
    none: upstreamTls({}),
    configured: upstreamTls({}, { sni: 'server.test' }),
    'auto SNI': { ...upstreamTls({}, { sni: 'other.test' }), ...auto({ auto_sni: true }) },
    'auto SAN, good': {
      ...upstreamTls(trusting),
      ...auto({ auto_sni: true, auto_san_validation: true, override_auto_sni_header: 'x-name' }),
    },
    'auto SAN, bad': { ...upstreamTls(trusting), ...auto({ auto_sni: true, auto_san_validation: true }) },
    'host SNI': { ...upstreamTls({}, { auto_host_sni: true, sni: 'other.test' }), ...named('server.test', port) },
    'no host name': { ...upstreamTls({}, { auto_host_sni: true, sni: 'other.test' }) },
    'SNI in SAN': upstreamTls(trusting, { sni: 'a.wild.test', auto_sni_san_validation: true }),
    'SNI not in SAN': upstreamTls(trusting, { sni: 'other.test', auto_sni_san_validation: true }),
    'TLS 1.3': upstreamTls({ ...trusting, tls_params: { tls_maximum_protocol_version: 'TLSv1_3' } }),
    ALPN: upstreamTls({ alpn_protocols: ['x-test', 'http/1.1'] }),
    'wrong cipher': upstreamTls({ tls_params: { cipher_suites: ['ECDHE-RSA-AES128-GCM-SHA256'] } }),
    'certificate by name': upstreamTls({
      tls_certificate_sds_secret_configs: [{ name: 'client' }],
      validation_context_sds_secret_config: { name: 'trusted' },
    }),
    SPIFFE: upstreamTls({
      validation_context: {
        custom_validator_config: {
          name: 'envoy.tls.cert_validator.spiffe',
          typed_config: typed('extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig', {
            trust_domains: [{ name: 'mesh', trust_bundle: { inline_string: authority.cert } }],
          }),
        },
      },
    }),
    'too deep': upstreamTls({ validation_context: { ...trusting.validation_context, max_verify_depth: 0 } }),
    'plain host': upstreamTls({}),
    'matched TLS': {
      ...named('h', port, { metadata: { filter_metadata: { 'envoy.transport_socket_match': { secure: true } } } }),
      transport_socket_matches: [{ name: 'secure', match: { secure: true }, ...upstreamTls({}, { sni: 'matched' }) }],
    },
    'unmatched plain': {
      ...named('h', plain),
      transport_socket_matches: [{ name: 'secure', match: { secure: true }, ...upstreamTls({}) }],
    },
    'sessions, 1.2': {
      ...upstreamTls({}),
      ...httpProtocolOptions({ common_http_protocol_options: { max_requests_per_connection: 1 } }),
    },
    'no sessions': {
      ...upstreamTls({}, { max_session_keys: 0 }),
      ...httpProtocolOptions({ common_http_protocol_options: { max_requests_per_connection: 1 } }),
    },
  });
  const path = (name: string): string => `/${name.replaceAll(/[ ,]+/g, '-')}`;
  const names = Object.keys(clusters(0, 0));
  const ask = (name: string, authority = 'server.test'): string =>
    `GET ${path(name)} HTTP/1.1\r\nhost: ${authority}\r\nx-name: a.wild.test\r\n\r\n`;
  await compare(t, {
    upstreams: {
      plain: answer('plain'),
      c: {
        tls: {
          key: server.key,
          cert: server.cert,
          requestCert: true,
          rejectUnauthorized: false,
          ca: authority.cert,
          ALPNProtocols: ['x-test', 'http/1.1'],
        },
        behaviour: async (exchange) => {
          const socket = exchange.socket as TLSSocket & { servername?: string };
          const shownName = socket.getPeerCertificate()?.subject?.CN;
          await answer(
            [socket.getProtocol(), socket.servername, socket.alpnProtocol, shownName, socket.isSessionReused()].join(
              ' ',
            ),
          )(exchange);
        },
      },
    },
    bootstrap: ({ c, plain }) => {
      const { static_resources: resources } = withRoutes(
        names.map((name) => ({ match: { path: path(name) }, route: { cluster: name } })),
        Object.entries(clusters(c, plain)).map(([name, more]) =>
          staticCluster(name, [name === 'plain host' ? plain : c], more),
        ),
      );
      const secrets = [
        { name: 'client', tls_certificate: pair(client) },
        { name: 'trusted', ...trusting },
      ];
      return { static_resources: { ...(resources as Json), secrets } };
    },
    counters: /^cluster\..*\.ssl\.|total_match_count/,
    cases: [
      ...names.map((name): Case => ({ name, send: ask(name) })),
      { name: 'auto SNI, other', send: ask('auto SNI', 'third.test:8443') },
      { name: 'auto SAN, other', send: ask('auto SAN, bad', 'third.test') },
      { name: 'sessions, again', send: ask('sessions, 1.2') },
      { name: 'no sessions, again', send: ask('no sessions') },
    ],
  });
});
