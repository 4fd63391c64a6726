/**
 * How connections were closed, in the logs of HTTP, of TCP and of listeners: DOWNSTREAM_DETECTED_CLOSE_TYPE, UPSTREAM_DETECTED_CLOSE_TYPE.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
import {
  answering,
  bootstrap,
  fileAccessLog,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
} from '#testing/bootstrap.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { alike, type TcpActing } from './compare-tcp.ts';
import { answered, get, obey, send, waiting } from './obeying-host.ts';
import { LOG_FILE } from './subject.ts';
import { tcpListener, tcpProxy } from './tcp-filters.ts';

const log = (name: string): Json =>
  fileAccessLog(
    LOG_FILE,
    `%LISTENER_NAME% ${name} code=%RESPONSE_CODE% client=%DOWNSTREAM_DETECTED_CLOSE_TYPE% host=%UPSTREAM_DETECTED_CLOSE_TYPE%`,
  );

/** A listener for each case, by which its lines are known. */
function proxy({ c }: Record<string, number>): Json {
  const routes = [
    answering('direct', { prefix: '/direct' }),
    routeTo('/refused', 'refused'),
    routeTo('/empty', 'empty'),
    routeTo('/', 'c'),
  ];
  const http = (name: string) =>
    httpListener({
      name,
      manager: { ...routeConfig(routes), access_log: [log('HTTP')] },
      listener: { access_log: [log('listener')] },
    });
  const tcp = (name: string, { cluster = 'c' }) =>
    tcpListener([tcpProxy({ cluster, access_log: [log('TCP')] })], { name, access_log: [log('listener')] });
  return bootstrap(
    Object.entries(CASES).map(([name, one]) => (name.startsWith('HTTP') ? http(name) : tcp(name, one))),
    [staticCluster('c', [c]), staticCluster('refused', [1]), staticCluster('empty', [])],
  );
}

interface Case {
  run(wire: WireClient, upstreams: TcpActing['upstreams']): Promise<unknown>;
  /** Of TCP. */
  cluster?: string;
}

const CASES: Record<string, Case> = {
  'HTTP: the client ends': { run: async (wire) => (await answered(wire, get('/ok'))).end() },
  'HTTP: the client resets': { run: async (wire) => (await answered(wire, get('/ok'))).reset() },
  'HTTP: the client ends in the middle': { run: async (wire, hosts) => (await waiting(wire, hosts)).end() },
  'HTTP: the client resets in the middle': { run: async (wire, hosts) => (await waiting(wire, hosts)).reset() },
  'HTTP: the host resets': { run: async (wire) => (await answered(wire, get('/reset'))).end() },
  'HTTP: the host ends': { run: async (wire) => (await answered(wire, get('/end'))).end() },
  'HTTP: answered by the proxy': { run: async (wire) => (await answered(wire, get('/direct'))).end() },
  'HTTP: a host that refuses': { run: async (wire) => (await answered(wire, get('/refused'))).end() },
  'HTTP: a cluster without hosts': { run: async (wire) => (await answered(wire, get('/empty'))).end() },
  'TCP: the client ends': { run: async (wire) => (await answered(wire, 'hello')).end() },
  'TCP: the client resets': { run: async (wire) => (await answered(wire, 'hello')).reset() },
  'TCP: the host ends': { run: async (wire) => (await send(wire, 'end')).closed() },
  'TCP: the host resets': { run: async (wire) => (await send(wire, 'reset')).closed() },
  'TCP: a host that refuses': { run: (wire) => wire.closed(), cluster: 'refused' },
  'TCP: a cluster without hosts': { run: (wire) => wire.closed(), cluster: 'empty' },
};

alike('how connections were closed', {
  bootstrap: proxy,
  upstreams: { c: obey },
  async run(act) {
    for (const [name, { run }] of Object.entries(CASES)) await run(await act.connect(name), act.upstreams);
  },
  lines: 2 * Object.keys(CASES).length,
});
