/**
 * What the proxy answers itself, once a route is chosen, has the headers that the route and the levels around it add to every response, as by Envoy.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { hang } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, routeConfig, staticCluster } from '#testing/bootstrap.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { both } from './attempted.ts';

const adds = (key: string, value: string) => ({ response_headers_to_add: [{ header: { key, value } }] });

/** By the name of the route. */
const ACTIONS: Record<string, Json> = {
  missing: { route: { cluster: 'nope' } },
  coded: { route: { cluster: 'nope', cluster_not_found_response_code: 'NOT_FOUND' } },
  named: { route: { cluster_header: 'x-none' } },
  weighted: { route: { weighted_clusters: { clusters: [{ name: 'nope', weight: 1, ...adds('x-share', 's') }] } } },
  empty: { route: { cluster: 'empty' } },
  refused: { route: { cluster: 'refused' } },
  slow: { route: { cluster: 'slow', timeout: '0.05s' } },
  long: { route: { cluster: 'slow', max_stream_duration: { max_stream_duration: '0.05s' } } },
  idle: { route: { cluster: 'slow', idle_timeout: '0.05s' } },
  nothing: { non_forwarding_action: {} },
  direct: { direct_response: { status: 204 } },
};

async function answers(t: TestContext, kind: ProxyKind): Promise<Record<string, string[]>> {
  const upstream = await startUpstream(t, hang);
  const routes = Object.entries(ACTIONS).map(([name, action]) => ({
    name,
    match: { prefix: `/${name}` },
    ...action,
    ...adds('x-route', '%ROUTE_NAME% %UPSTREAM_CLUSTER% %RESPONSE_CODE_DETAILS%'),
  }));
  const config = bootstrap(
    [
      httpListener({
        manager: routeConfig(routes, adds('x-host', 'h'), { ...adds('x-table', 't'), validate_clusters: false }),
      }),
    ],
    [staticCluster('empty', []), staticCluster('refused', [9]), staticCluster('slow', [upstream.port])],
  );
  const proxy = await startProxy(t, config, { kind });
  const found: Record<string, string[]> = {};
  for (const name of Object.keys(ACTIONS)) {
    const wire = await proxy.connect();
    await wire.send(`GET /${name} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n`);
    const response = await wire.response();
    const added = ['x-share', 'x-route', 'x-host', 'x-table'];
    found[name] = [String(response.status), ...added.map((field) => `${field}: ${response.header(field)}`)];
  }
  return found;
}

test('answers of the proxy have the headers that routes add', async (t) => {
  const [envoy, ours] = await both(t, (kind) => answers(t, kind));
  assert.deepEqual(ours, envoy);
  assert.equal(ours.missing.includes('x-table: t'), true);
});
