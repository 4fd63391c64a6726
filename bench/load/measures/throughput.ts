/**
 * Requests a second and CPU per request at saturation: plain, with an access log, over TLS, with many headers, over HTTP/2.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { startBackend } from '../backend.ts';
import { fileLog, http2Bootstrap, plainBootstrap, tlsSocket } from '../bootstraps.ts';
import { saturate, saturateHttp2 } from '../generators.ts';
import { type Bench, inManyTurns, inTurns, type Measure, type Row } from '../measure.ts';
import type { Peer } from '../peers.ts';
import { cpuTime } from '../processes.ts';
import { onStage } from '../stages.ts';

const WARM_SECONDS = 2;

interface Variant {
  name: string;
  title: string;
  rate: { must: number; aim: number };
  cpu?: { must: number; aim: number };
  peers: readonly Peer[];
  scheme?: 'https';
  headers?: string[];
  /** The client speaks HTTP/2. */
  http2?: true;
  bootstrap(backend: number, scope: Scope): object | Promise<object>;
}

const OURS_AND_ENVOY: readonly Peer[] = ['envoy', 'fairlead'];

const variants: Variant[] = [
  {
    name: 'h1',
    title: 'HTTP/1.1, 64 connections, 60-byte answer',
    rate: { must: 1.8, aim: 2.4 },
    cpu: { must: 0.55, aim: 0.42 },
    peers: ['envoy', 'fairlead', 'nginx', 'haproxy'],
    bootstrap: (backend) => plainBootstrap(backend),
  },
  {
    name: 'log',
    title: 'with an access log to a file',
    rate: { must: 1.7, aim: 2.2 },
    peers: OURS_AND_ENVOY,
    bootstrap: (backend, scope) =>
      plainBootstrap(backend, { manager: { access_log: [fileLog(join(temporaryFolder(scope), 'access.log'))] } }),
  },
  {
    name: 'tls',
    title: 'with TLS downstream',
    rate: { must: 1.5, aim: 2 },
    peers: OURS_AND_ENVOY,
    scheme: 'https',
    bootstrap: (backend, scope) => plainBootstrap(backend, { chain: { transport_socket: selfSigned(scope) } }),
  },
  {
    name: 'headers',
    title: 'with 98 headers of 50 bytes',
    rate: { must: 1.4, aim: 1.8 },
    peers: OURS_AND_ENVOY,
    headers: Array.from({ length: 98 }, (_, i) => `x-header-number-${i}: ${'v'.repeat(i < 10 ? 31 : 30)}`),
    bootstrap: (backend) => plainBootstrap(backend),
  },
  {
    name: 'h2',
    title: 'HTTP/2 in, HTTP/1.1 out, 16 connections x 20 streams',
    rate: { must: 1.6, aim: 2.4 },
    peers: OURS_AND_ENVOY,
    http2: true,
    bootstrap: (backend) => plainBootstrap(backend),
  },
  {
    name: 'h2h2',
    title: 'HTTP/2 in and out, 16 connections x 20 streams',
    rate: { must: 1.4, aim: 2 },
    peers: OURS_AND_ENVOY,
    http2: true,
    bootstrap: async (_backend, scope) => http2Bootstrap(await startBackend(scope, true)),
  },
];

export const throughput: Measure[] = variants.map((variant) => ({
  name: variant.name,
  run: (bench) => measure(variant, bench),
}));

async function measure(variant: Variant, bench: Bench): Promise<Row[]> {
  const { title, peers, rate, cpu, scheme = 'http', headers } = variant;
  const generate = variant.http2 ? saturateHttp2 : saturate;
  const seen = await onStage(async (shared) => {
    return inTurns(inManyTurns(bench), peers, await variant.bootstrap(bench.backend, shared), async ({ pid, port }) => {
      const load = { url: `${scheme}://127.0.0.1:${port}/`, headers };
      await generate({ ...load, seconds: WARM_SECONDS });
      const before = cpuTime(pid);
      const count = await generate({ ...load, seconds: bench.seconds });
      return { rps: count / bench.seconds, us: ((cpuTime(pid) - before) * 1000) / count };
    });
  });
  const text = (key: 'rps' | 'us', unit: string, digits: number) =>
    Object.fromEntries(peers.map((peer) => [peer, `${seen[peer][key].toFixed(digits)}${unit}`]));
  return [
    {
      title: `${title}: requests/s`,
      values: text('rps', '', 0),
      ratio: seen.fairlead.rps / seen.envoy.rps,
      ...rate,
      better: 'higher',
    },
    {
      title: `${title}: CPU per request`,
      values: text('us', ' us', 1),
      ratio: seen.fairlead.us / seen.envoy.us,
      ...cpu,
      better: 'lower',
    },
  ];
}

function selfSigned(scope: Scope): ReturnType<typeof tlsSocket> {
  const folder = temporaryFolder(scope);
  const [key, chain] = [join(folder, 'key.pem'), join(folder, 'chain.pem')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '9', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...request, '-keyout', key, '-out', chain], { stdio: 'ignore' });
  return tlsSocket(chain, key);
}
