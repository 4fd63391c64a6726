/**
 * Our proxy and real Envoy as clients of management servers that say the same: they serve the same, ask for the same, refuse the same, and
 * tell the same on the admin API.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { http2Cluster, type Json, loadAssignment, staticCluster } from '#testing/bootstrap.ts';
import {
  dynamicBootstrap,
  edsCluster,
  rdsListener,
  routeTable,
  says,
  type Transport,
} from '#testing/dynamic-resources.ts';
import { eventually } from '#testing/eventually.ts';
import { hang2 } from '#testing/http2-behaviours.ts';
import { startHttp2Upstream } from '#testing/http2-upstream.ts';
import { ManagementServer } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';

const TRANSPORTS: Transport[] = ['ads', 'delta ads', 'grpc', 'delta grpc', 'rest'];
/** Of subscriptions and managers; times and numbers of attempts (REST polls) are each proxy's own. */
const COUNTERS =
  /^(cluster_manager\.(active|warming|cluster_(modified|removed))|listener_manager\.(listener_(added|modified|removed|in_place|create)|total)|.*\.update_(success|rejected)$|.*config_reload$|.*control_plane\.connected_state)/;
const OWN_TIMES = /"last_update[a-z_]*": ?"[^"]*"/g;

interface Observed {
  body: string[];
  dump: unknown;
  counters: Record<string, number>;
  refused: string[];
}

/** Both versions of everything, one after the other; the second has a cluster that cannot be. */
async function observe(t: TestContext, kind: ProxyKind, transport: Transport): Promise<Observed> {
  const server = await ManagementServer.start(t);
  server.serve('cluster', '1', [edsCluster('one', transport), staticCluster('two', [1])]);
  server.serve('endpoint', '1', [loadAssignment('one', [2])]);
  server.serve('listener', '1', [rdsListener('in', 'r', transport)]);
  server.serve('route', '1', [routeTable('r', [says('first')])]);
  const proxy = await startProxy(t, dynamicBootstrap(server, transport), { kind });
  const body = [await said(proxy)];
  server.serve('route', '2', [routeTable('r', [says('second')])]);
  server.serve('endpoint', '2', [loadAssignment('one', [2, 3])]);
  await proxy.statBecomes('http.in.rds.r.config_reload', 2);
  await proxy.statBecomes('cluster.one.membership_total', 2);
  body.push(await said(proxy));
  const bad = staticCluster('bad', [], { lb_policy: 'CLUSTER_PROVIDED' });
  server.serve('cluster', '2', [edsCluster('one', transport), bad, staticCluster('two', [4])]);
  await proxy.statBecomes('cluster_manager.cds.update_rejected', (count) => count > 0);
  await proxy.statBecomes('cluster_manager.cluster_modified', 1);
  body.push(await said(proxy));
  const { configs } = JSON.parse((await proxy.get('/config_dump?include_eds')).body) as { configs: object[] };
  const refused = server.requests.filter(({ error }) => error !== '').map(({ type, error }) => `${type}: ${error}`);
  const counters = Object.entries(await proxy.stats()).filter(([name]) => COUNTERS.test(name));
  return { body, dump: plain(configs.slice(1)), counters: Object.fromEntries(counters), refused };
}

async function said(proxy: RunningProxy): Promise<string> {
  const wire = await proxy.connect('in');
  await wire.send('GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n');
  const { body } = await wire.response();
  return body.toString();
}

/** Without times and the ports of the test's own servers; what ours shows besides of a refused cluster is left out. */
function plain(configs: object[]): unknown {
  const text = JSON.stringify(configs)
    .replaceAll(OWN_TIMES, '"time":""')
    .replaceAll(/"port_value":\d{3,}/g, '"port_value":0');
  return JSON.parse(text, (_key, value: { error_state?: unknown; cluster?: unknown }[]) =>
    Array.isArray(value) ? value.filter((one) => one?.error_state === undefined || one.cluster !== undefined) : value,
  );
}

for (const transport of TRANSPORTS) {
  test(`${transport}: the same is served, refused and told`, async (t) => {
    const [envoy, ours] = await Promise.all([observe(t, 'envoy', transport), observe(t, 'fairlead', transport)]);
    assert.deepEqual(ours.body, ['first', 'second', 'second']);
    assert.deepEqual(ours.body, envoy.body);
    assert.deepEqual(ours.dump, envoy.dump);
    if (transport !== 'rest') assert.deepEqual(ours.counters, envoy.counters);
    // Over REST it is told with the next poll, if there is one before the end.
    if (transport === 'rest') return;
    // Ours adds where in the resource the mistake is.
    assert.equal(ours.refused[0]?.replace(/ at [a-z_.]+$/, ''), envoy.refused[0]);
    assert.match(ours.refused[0] ?? '', /bad: .* at lb_policy$/);
  });
}

test('endpoints that grew stale are gone until others come', async (t) => {
  const observed = async (kind: ProxyKind) => {
    const server = await ManagementServer.start(t);
    const { port } = await startUpstream(t, answer('up'));
    const given = loadAssignment('one', [port]);
    const stale = (after: string): Json => ({ policy: { endpoint_stale_after: after, overprovisioning_factor: 150 } });
    const kept = staticCluster('kept', [port], {
      load_assignment: { ...loadAssignment('kept', [port]), ...stale('0.05s') },
    });
    server.serve('cluster', '1', [edsCluster('one', 'ads'), kept]);
    server.serve('endpoint', '1', [{ ...given, ...stale('0.3s') }]);
    server.serve('listener', '1', [rdsListener('in', 'r', 'ads')]);
    const to = (cluster: string) => ({ match: { prefix: '/' }, route: { cluster } });
    server.serve('route', '1', [routeTable('r', [to('one')])]);
    const proxy = await startProxy(t, dynamicBootstrap(server, 'ads'), { kind });
    const seen = [await said(proxy)];
    await proxy.statBecomes('cluster.one.assignment_stale', 1);
    await proxy.statBecomes('cluster.one.membership_total', 0);
    seen.push(await said(proxy));
    const { configs } = JSON.parse((await proxy.get('/config_dump?include_eds')).body) as { configs: object[] };
    server.serve('endpoint', '2', [given]);
    await proxy.statBecomes('cluster.one.membership_total', 1);
    seen.push(await said(proxy));
    const stats = Object.entries(await proxy.stats()).filter(([name]) => /assignment_|membership_total/.test(name));
    return { seen, endpoints: plain(configs.slice(1, 3)), stats };
  };
  const [envoy, ours] = await Promise.all([observed('envoy'), observed('fairlead')]);
  assert.deepEqual(ours.seen, ['up', 'no healthy upstream', 'up']);
  assert.deepEqual(ours, envoy);
});

test('calls to a management server say who makes them, unless skip_envoy_headers is set', async (t) => {
  const headers = async (kind: ProxyKind, skip_envoy_headers: boolean) => {
    const seen: Record<string, string>[] = [];
    const upstream = await startHttp2Upstream(t, (exchange) => {
      seen.push(exchange.headers);
      return hang2(exchange);
    });
    const grpc_services = [{ envoy_grpc: { cluster_name: 'xds', skip_envoy_headers } }];
    const api_config_source = { api_type: 'GRPC', transport_api_version: 'V3', grpc_services };
    await startProxy(
      t,
      {
        node: { id: 'n', cluster: 'c' },
        dynamic_resources: {
          cds_config: { api_config_source, resource_api_version: 'V3', initial_fetch_timeout: '0.05s' },
        },
        static_resources: { clusters: [http2Cluster('xds', [upstream.port])] },
      },
      { kind },
    );
    await eventually('the server is called', () => seen.length > 0);
    return seen[0];
  };
  for (const skip of [false, true]) {
    const [envoy, ours] = await Promise.all([headers('envoy', skip), headers('fairlead', skip)]);
    assert.equal(envoy['x-envoy-internal'], skip ? undefined : 'true');
    assert.deepEqual(ours, envoy);
  }
});
