/**
 * Connections whose handshake fails, in the access log of their listener: who came, and why it went no further.
 * Follows config.listener.v3.Listener.access_log.
 */
import {
  answering,
  bootstrap,
  downstreamTls,
  fileAccessLog,
  httpListener,
  type Json,
  routeConfig,
} from '#testing/bootstrap.ts';
import { certificate, signed, testAuthority } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import { alike, type TcpActing } from './compare-tcp.ts';
import { LOG_FILE } from './subject.ts';

const inline = (text: string): Json => ({ inline_string: text });
const server = signed('server.test');
const client = signed('client', ['URI:spiffe://mesh/client']);
const stranger = certificate({ commonName: 'stranger', names: ['DNS:stranger'] });

const FORMAT = [
  'code=%RESPONSE_CODE%',
  'flags=%RESPONSE_FLAGS%',
  'why=%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
  'termination=%CONNECTION_TERMINATION_DETAILS%',
  'version=%DOWNSTREAM_TLS_VERSION%',
  'peer=%DOWNSTREAM_PEER_SUBJECT%',
  'sni=%REQUESTED_SERVER_NAME%',
  'chain=%FILTER_CHAIN_NAME%',
  'received=%BYTES_RECEIVED%',
].join(' ');

function mutual(): Json {
  const common = {
    tls_certificates: [{ certificate_chain: inline(server.cert), private_key: inline(server.key) }],
    validation_context: {
      trusted_ca: inline(testAuthority().cert),
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://mesh/' } }],
    },
  };
  return bootstrap([
    httpListener({
      manager: routeConfig([answering('in', { prefix: '/' })]),
      chain: { name: 'mutual', ...downstreamTls(common, { require_client_certificate: true }) },
      listener: { access_log: [fileAccessLog(LOG_FILE, FORMAT)], stat_prefix: 'in' },
    }),
  ]);
}

async function handshake(act: TcpActing, tls: object): Promise<void> {
  const wire = await act.connect('in', { tls: { maxVersion: 'TLSv1.2', ...tls } }).catch(() => undefined);
  act.note(wire === undefined ? 'refused' : 'secure');
  if (wire === undefined) return;
  await wire.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await wire.closed();
}

const CASES: Record<string, (act: TcpActing) => Promise<void>> = {
  'a client that is let in': (act) => handshake(act, { cert: client.cert, key: client.key }),
  'a client without a certificate': (act) => handshake(act, {}),
  'a client with a certificate of nobody': (act) => handshake(act, { cert: stranger.cert, key: stranger.key }),
  'a client of another name': (act) => handshake(act, { cert: server.cert, key: server.key }),
  'a client that speaks too old a version': (act) =>
    handshake(act, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
  'a client that speaks no TLS': async (act) => {
    const wire = await act.connect();
    await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await wire.closed();
  },
  'a client that says nothing and goes': async (act) => {
    const wire = await act.connect();
    wire.end();
    await eventually('it is gone', async () => (await act.proxy.stat('listener.in.downstream_cx_destroy')) === 1);
  },
};

for (const [name, run] of Object.entries(CASES)) {
  alike(name, {
    bootstrap: mutual,
    run,
    lines: 1,
    stats: /^listener\.in\.(ssl\.(fail|conn|hand|no_)|downstream_cx_(total|destroy)$)/,
  });
}
