/**
 * Taps around transports: what is written down of connections, in every format, ours beside real Envoy's.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/traffic_tapping
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { sizeDelimitedDecodeStream } from '@bufbuild/protobuf/wire';
import { toTree } from '#api/encode.ts';
import { messageType } from '#api/registry.ts';
import { byPath, rawAndEnd } from '#testing/behaviours.ts';
import {
  answering,
  bootstrap,
  downstreamTls,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  typed,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { agree, verdict } from './verdict.ts';

const RAW: Json = { name: 'raw', typed_config: typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer') };
const server = signed('server.test');
const inline = (text: string): Json => ({ inline_string: text });
const tls = downstreamTls({
  tls_certificates: [{ certificate_chain: inline(server.cert), private_key: inline(server.key) }],
});

/** A way to tap. */
interface Trial {
  output?: Json;
  format?: string;
  config?: Json;
  socket?: Json;
}

function tap(pathPrefix: string, inner: unknown, { output, format, config, socket }: Trial): Json {
  const sinks = [{ format: format ?? 'JSON_BODY_AS_STRING', file_per_tap: { path_prefix: pathPrefix } }];
  return {
    name: 'tap',
    typed_config: typed('extensions.transport_sockets.tap.v3.Tap', {
      common_config: { static_config: { match: { any_match: true }, ...config, output_config: { sinks, ...output } } },
      transport_socket: inner,
      ...(socket === undefined ? {} : { socket_tap_config: socket }),
    }),
  };
}

/** For each trial two listeners and a cluster of its own. */
function bootstrapOf(folder: string, port: number, trials: readonly Trial[]): Json {
  const parts = trials.map((trial, i) => {
    const manager = {
      ...routeConfig([routeTo('/up', `c${i}`), answering('direct <b>', { prefix: '/' })], {
        response_headers_to_remove: ['x-envoy-upstream-service-time'],
      }),
      generate_request_id: false,
    };
    const listener = (kind: string, inner: unknown): Json =>
      httpListener({
        name: `${kind}-${i}`,
        listener: { stat_prefix: `${kind}-${i}` },
        manager,
        chain: { transport_socket: tap(join(folder, `${i}`, kind), inner, trial) },
      });
    const transport_socket = tap(join(folder, `${i}`, 'up'), RAW, trial);
    return {
      listeners: [listener('plain', RAW), listener('secure', tls.transport_socket)],
      cluster: staticCluster(`c${i}`, [port], { transport_socket }),
    };
  });
  return bootstrap(
    parts.flatMap(({ listeners }) => listeners),
    parts.map(({ cluster }) => cluster),
  );
}

/** Sends the same over connections of all kinds, and waits until the proxy has left them all. */
async function useConnections(proxy: RunningProxy, i: number): Promise<void> {
  const plain = await proxy.connect(`plain-${i}`);
  await plain.send('GET /direct HTTP/1.1\r\nhost: a\r\n\r\n');
  await plain.response();
  await plain.send('POST /up HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody');
  await plain.response();
  plain.end();
  await plain.closed();
  const secure = await proxy.connect(`secure-${i}`, { tls: {} });
  await secure.send('GET /direct HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await secure.response();
  secure.end();
  await secure.closed();
  const garbled = await proxy.connect(`secure-${i}`);
  await garbled.send('this is no TLS at all');
  await garbled.closed();
  const silent = await proxy.connect(`plain-${i}`);
  silent.end();
  await silent.closed();
  await proxy.statBecomes(`cluster.c${i}.upstream_cx_active`, 0);
  for (const kind of ['plain', 'secure']) await proxy.statBecomes(`listener.${kind}-${i}.downstream_cx_active`, 0);
}

/** What each trial wrote: by the file's name without its number, in the order of those. */
async function traces(t: TestContext, kind: ProxyKind, trials: Record<string, Trial>): Promise<object> {
  const folder = temporaryFolder(t);
  for (const i of Object.keys(trials).keys()) mkdirSync(join(folder, `${i}`));
  const body = 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc';
  const upstream = await startUpstream(t, byPath({ '/': rawAndEnd(body) }));
  const proxy = await startProxy(t, bootstrapOf(folder, upstream.port, Object.values(trials)), { kind });
  const seen: Record<string, unknown> = {};
  for (const [i, [name, trial]] of Object.entries(trials).entries()) {
    await useConnections(proxy, i);
    const here = join(folder, `${i}`);
    const files = readdirSync(here).sort((a, b) => numberOf(a) - numberOf(b));
    const read = files.map(async (file) => ({
      file: file.replace(/_\d+\./, '.'),
      trace: settled(await readTrace(join(here, file), trial), upstream.port),
    }));
    seen[name] = { stats: await proxy.stats('transport.tap'), traces: await Promise.all(read) };
  }
  return seen;
}

const numberOf = (name: string) => Number(/_(\d+)\./.exec(name)?.[1]);

async function readTrace(path: string, { format }: Trial): Promise<unknown> {
  const bytes = readFileSync(path);
  const type = messageType('envoy.data.tap.v3.TraceWrapper');
  const options = { protoNames: true };
  if (format === 'PROTO_BINARY') return toTree(type, fromBinary(type, bytes), options);
  if (format === 'PROTO_BINARY_LENGTH_DELIMITED') {
    const all: unknown[] = [];
    for await (const message of sizeDelimitedDecodeStream(type, [bytes] as never))
      all.push(toTree(type, message, options));
    return all;
  }
  return bytes.toString();
}

/** Without what differs from run to run: times, numbers and ports. */
function settled(trace: unknown, upstreamPort: number): string {
  return (typeof trace === 'string' ? trace : JSON.stringify(trace, null, 1))
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/(seconds|nanos): \d+/g, '$1: N')
    .replaceAll(/^ *nanos: N\n/gm, '')
    .replaceAll(/(trace_id"?: )"?\d+"?/g, '$1N')
    .replaceAll(
      /(port_value"?: )(\d+)/g,
      (_, name, port) => `${name}${Number(port) === upstreamPort ? 'UPSTREAM' : 'PORT'}`,
    )
    .replaceAll(/date: [^\\]+ GMT/g, 'date: NOW')
    .replaceAll(/ZGF0ZT[\w+/=]+/g, 'NOW');
}

const LIMITS = { max_buffered_rx_bytes: 20, max_buffered_tx_bytes: 30 };
const TRIALS: Record<string, Trial> = {
  'all at the end': {},
  'as bytes': { format: 'JSON_BODY_AS_BYTES', output: LIMITS },
  'no more than the limits': { output: LIMITS },
  'nothing but that it was': { output: { max_buffered_rx_bytes: 0, max_buffered_tx_bytes: 0 } },
  'as it comes': { output: { streaming: true } },
  'as it comes, as bytes': { format: 'JSON_BODY_AS_BYTES', output: { streaming: true } },
  'as it comes, with limits': { output: { streaming: true, ...LIMITS } },
  'as it comes, each with whose it is': {
    output: { streaming: true },
    socket: { set_connection_per_event: true, stats_prefix: 'mine' },
  },
  'as it comes, several together': { output: { streaming: true, min_streamed_sent_bytes: 60 } },
  'as it comes, a few together': { output: { streaming: true, min_streamed_sent_bytes: 1 } },
  binary: { format: 'PROTO_BINARY', output: LIMITS },
  'binary, as it comes': { format: 'PROTO_BINARY_LENGTH_DELIMITED', output: { streaming: true, ...LIMITS } },
  text: { format: 'PROTO_TEXT', output: LIMITS },
  'a match by exclusion': { config: { match: { not_match: { http_request_headers_match: { headers: [] } } } } },
  'the older match': {
    config: { match: undefined, match_config: { or_match: { rules: [{ any_match: true }, { any_match: true }] } } },
  },
};

/** Taps that are not for connections. */
const UNTAPPED: Record<string, Trial> = {
  'for headers of HTTP': { config: { match: { http_request_headers_match: { headers: [] } } } },
  'of one that holds and one that does not': {
    config: {
      match: { and_match: { rules: [{ any_match: true }, { http_response_headers_match: { headers: [] } }] } },
    },
  },
  'but no connection': { config: { tap_enabled: { default_value: { numerator: 0 } } } },
};

const FILES = 5;

test('connections are written down as by Envoy', async (t) => {
  const trials = { ...TRIALS, ...UNTAPPED };
  const [envoy, ours] = await Promise.all([traces(t, 'envoy', trials), traces(t, 'fairlead', trials)]);
  for (const [name, seen] of Object.entries(envoy)) {
    await t.test(name, () => {
      assert.equal(seen.traces.length, name in TRIALS ? FILES : 0);
      assert.deepEqual((ours as typeof envoy)[name as never], seen);
    });
  }
});

const VERDICTS: Record<string, Json> = {
  'no match': tap('/tmp/x', RAW, { config: { match: undefined } }),
  'no transport in it': tap('/tmp/x', undefined, {}),
  'no configuration': {
    name: 't',
    typed_config: typed('extensions.transport_sockets.tap.v3.Tap', { transport_socket: RAW }),
  },
  'two sinks': tap('/tmp/x', RAW, {
    output: { sinks: [{ file_per_tap: { path_prefix: 'a' } }, { file_per_tap: { path_prefix: 'b' } }] },
  }),
  'no sink': tap('/tmp/x', RAW, { output: { sinks: [] } }),
  'no prefix': tap('', RAW, {}),
  'a tap in a tap': tap('/tmp/x', tap('/tmp/y', RAW, {}), {}),
};

test('taps are accepted or refused as by Envoy', async (t) => {
  for (const [name, transport_socket] of Object.entries(VERDICTS)) {
    await t.test(name, () => {
      const tree = bootstrap([
        httpListener({ chain: { transport_socket }, manager: routeConfig([answering('a', { prefix: '/' })]) }),
      ]);
      const said = verdict(t, tree);
      assert.ok(agree(said), JSON.stringify(said));
    });
  }
});
