/**
 * How long a client of HTTP/2 may leave the end of an answer to wait for its window: ours and real Envoy.
 */
import { bootstrap, httpListener, type Json, routeConfig, routeTo, staticCluster } from '#testing/bootstrap.ts';
import { Http2Wire } from '#testing/http2-wire.ts';
import { alike } from './compare-tcp.ts';

const SIZE = 100_000;
const INITIAL_WINDOW_SIZE = 4;
const short = '0.2s';
const long = '9s';

/** What the listener and the route say, and whether that is short. */
const CASES: Record<string, [manager: Json, route: Json, ends: boolean]> = {
  "the listener's": [{ stream_flush_timeout: short }, {}, true],
  "the route's": [{}, { flush_timeout: short }, true],
  'the idle timeout of the listener': [{ stream_idle_timeout: short }, {}, true],
  'not the idle timeout of the route': [{}, { idle_timeout: short }, false],
  "the listener's before any idle timeout": [{ stream_flush_timeout: long }, { idle_timeout: short }, false],
  "the route's before the listener's": [{ stream_flush_timeout: short }, { flush_timeout: long }, false],
  "the route's before the idle timeout": [{ stream_idle_timeout: short }, { flush_timeout: long }, false],
  'none by the listener': [{ stream_idle_timeout: short, stream_flush_timeout: '0s' }, {}, false],
  'none by the route': [{ stream_idle_timeout: short }, { flush_timeout: '0s' }, false],
};

alike('what ends an answer that its client does not take', {
  upstreams: {
    c: (socket) =>
      void socket.on('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n\r\n${'x'.repeat(SIZE)}`),
      ),
  },
  bootstrap: ({ c }) =>
    bootstrap(
      Object.entries(CASES).map(([name, [manager, route]]) =>
        httpListener({ name, manager: { codec_type: 'AUTO', ...manager, ...routeConfig([routeTo('/', 'c', route)]) } }),
      ),
      [staticCluster('c', [c])],
    ),
  async run({ connect, note }) {
    const clients = await Promise.all(
      Object.entries(CASES).map(async ([name, [, , ends]]) => {
        const client = await new Http2Wire(await connect(name)).start([[INITIAL_WINDOW_SIZE, 1000]]);
        await client.request();
        await client.saw(ends ? /^RST/ : /^DATA/);
        return { name, client };
      }),
    );
    for (const { name, client } of clients) {
      client.parse();
      note(`${name}: ${client.frames.find((line) => line.startsWith('RST')) ?? 'open'}`);
    }
  },
  stats: /tx_flush_timeout/,
});
