/**
 * What a client sees whose connections are redirected to a proxy; runs in the namespaces of `inNamespaces`. Prints it as JSON.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  answering,
  bootstrap,
  connectionManager,
  httpListener,
  type Json,
  routeConfig,
  socketAddress,
  typed,
} from '#testing/bootstrap.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';

const kind = process.argv[2] as ProxyKind;
const concurrency = Number(process.argv[3]);
/** By TPROXY: sockets have the original destination for their own address. */
const transparent = process.argv[4] === 'transparent';
const SAID = '%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%';

function chain(name: string, match: Json = {}): Json {
  const headers = { response_headers_to_add: [{ header: { key: 'x-said', value: SAID } }] };
  const manager = connectionManager(routeConfig([answering(name, { prefix: '/' })], {}, headers));
  return { name, filter_chain_match: match, filters: [manager] };
}

function listener(name: string, address: string, port: number, more: Json): Json {
  const place = { address: socketAddress(port, address), stat_prefix: name };
  return httpListener({ name, listener: { ...place, filter_chains: [chain(name)], ...more } });
}

const originalDst = [
  { name: 'original_dst', typed_config: typed('extensions.filters.listener.original_dst.v3.OriginalDst') },
];
const tree = bootstrap([
  // Istio's classic virtual listener: others stand behind it.
  listener('virtual', '0.0.0.0', 15001, { use_original_dst: true, transparent }),
  listener('virtual6', '::', 15001, { use_original_dst: true, transparent }),
  listener('exact', '10.99.0.5', 80, { bind_to_port: false }),
  listener('wild', '0.0.0.0', 8080, { bind_to_port: false }),
  listener('wild6', '::', 8080, { bind_to_port: false }),
  listener('none_matches', '0.0.0.0', 8081, {
    bind_to_port: false,
    filter_chains: [chain('x', { server_names: ['a'] })],
  }),
  // Istio's later one: filter chains by the original destination.
  listener('chains', '0.0.0.0', 15006, {
    transparent,
    traffic_direction: 'INBOUND',
    listener_filters: originalDst,
    filter_chains: [
      chain('port', { destination_port: 9001 }),
      chain('prefix', { prefix_ranges: [{ address_prefix: '10.99.0.7', prefix_len: 32 }] }),
      chain('both', {
        destination_port: 9002,
        prefix_ranges: [{ address_prefix: '10.99.0.0', prefix_len: 16 }],
      }),
    ],
    default_filter_chain: chain('else'),
  }),
]);

const ends: (() => unknown)[] = [];
const proxy = await startProxy({ after: (end: () => unknown) => void ends.push(end) } as never, tree, {
  kind,
  concurrency,
});
const seen: Record<string, string> = {};
for (const target of [
  '10.99.0.5:80',
  '10.99.0.6:80',
  '10.99.0.6:8080',
  '10.99.0.6:8081',
  '[fd99::1]:8080',
  '[fd99::1]:80',
  '10.77.0.1:15001',
  '10.99.0.9:9001',
  '10.99.0.7:9001',
  '10.99.0.7:9002',
  '10.99.0.8:9002',
  '10.98.0.8:9002',
])
  seen[target] = await ask(target);
await proxy.noneBeforeItsChain();
const stats = await proxy.stats(
  '^listener\\.[a-z6_]+\\.(downstream_cx_total|no_filter_chain_match|downstream_pre_cx_active)$',
);
for (const end of ends) await end();
console.log(JSON.stringify({ seen, stats }));

async function ask(target: string): Promise<string> {
  const args = ['netns', 'exec', 'client', 'curl', '-gsi', '--noproxy', '*', '--max-time', '5', `http://${target}/`];
  try {
    const { stdout } = await promisify(execFile)('ip', args);
    return `${stdout.split('\r\n\r\n')[1]} ${/^x-said: (.*)\r$/m.exec(stdout)?.[1]}`;
  } catch (error) {
    // 52 and 56: closed before an answer, with or without a reset, which is a race of the two ends.
    const { code } = error as { code: number };
    return code === 52 || code === 56 ? 'curl closed' : `curl ${code}`;
  }
}
