/** Upgrades over HTTP/2 (RFC 8441) to an upstream of HTTP/1.1: the same frames to real Envoy and to ours. */
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { bootstrap, httpListener, staticCluster } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { DATA, END_STREAM, Http2Wire, RST_STREAM } from '#testing/http2-wire.ts';
import { compareTcp, type TcpActing } from './compare-tcp.ts';

/** Agrees to upgrades, and then says everything twice; refuses those of /no; ends those of /end after the first bytes. */
function serve(socket: Socket): void {
  let tunnel = false;
  let path = '';
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.latin1Slice();
    if (tunnel) {
      socket.write(`${text}${text}`);
      if (path === '/end') socket.end();
      return;
    }
    path = text.split(' ')[1];
    if (path === '/no') {
      socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
      return;
    }
    tunnel = true;
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-own: 1\r\n\r\n');
  });
  socket.on('end', () => socket.end());
}

const websocket = { ':protocol': 'websocket', 'sec-websocket-version': '13' };

async function open(act: TcpActing, path: string): Promise<[Http2Wire, number]> {
  const h = await new Http2Wire(await act.connect(undefined, { patience: 2000 })).start();
  await h.saw(/SETTINGS 0 ack/);
  const id = await h.request(`CONNECT ${path}`, websocket, 0);
  await eventually('an answer', async () => {
    h.parse();
    return h.stream(id).headers[':status'] !== undefined || h.stream(id).ending !== 'open';
  });
  const { date: _, ...headers } = h.stream(id).headers;
  act.note(`${path}: ${JSON.stringify(headers)}`);
  return [h, id];
}

test('a WebSocket over HTTP/2 reaches an upstream of HTTP/1.1 as through Envoy', async (t) => {
  await compareTcp(t, {
    bootstrap: (ports) =>
      bootstrap(
        [
          httpListener({
            manager: {
              http2_protocol_options: { allow_connect: true },
              upgrade_configs: [{ upgrade_type: 'websocket' }],
            },
          }),
        ],
        [staticCluster('c', [ports.c])],
      ),
    upstreams: { c: serve },
    async run(act) {
      const [h, id] = await open(act, '/chat');
      for (const text of ['one', 'two']) {
        await h.frame(DATA, 0, id, text);
        await eventually('an echo', async () => {
          h.parse();
          return h.stream(id).body.endsWith(`${text}${text}`);
        });
      }
      await h.frame(DATA, END_STREAM, id, 'end');
      const { body, ending } = await h.answer(id);
      act.note(`${body} ${ending}`);
      const [other, ended] = await open(act, '/end');
      await other.frame(DATA, 0, ended, 'x');
      const answer = await other.answer(ended);
      act.note(`${answer.body} ${answer.ending}`);
      const [third, refused] = await open(act, '/no');
      act.note(JSON.stringify((await third.answer(refused)).body));
      await third.saw(/RST_STREAM/);
      third.wire.destroy();
      const [fourth, broken] = await open(act, '/chat');
      await fourth.frame(RST_STREAM, 0, broken, '\0\0\0\x08');
      await eventually('the reset has come', async () => (await act.proxy.stats())['http2.rx_reset'] === 1);
      act.note(act.upstreams.c.received.map((text) => text.replace(/x-request-id: \S+/, '')).join('\n'));
    },
    stats: /^http\.in\.downstream_(cx_upgrades|rq_(total|http2|rx|tx|[1-5]xx|response))|^http2\.(rx|tx)/,
  });
});

test('an upgrade that is not configured is refused as by Envoy', async (t) => {
  await compareTcp(t, {
    bootstrap: (ports) =>
      bootstrap(
        [httpListener({ manager: { http2_protocol_options: { allow_connect: true } } })],
        [staticCluster('c', [ports.c])],
      ),
    upstreams: { c: serve },
    async run(act) {
      const [h, id] = await open(act, '/chat');
      await h.saw(/RST_STREAM/);
      act.note((await h.answer(id)).ending);
    },
    stats: /^http\.in\.downstream_(cx_upgrades|rq_(total|http2|rx|tx|[1-5]xx|ws|response))|^http2\.(rx|tx)/,
  });
});
