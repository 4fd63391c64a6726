/**
 * Our management server with proxies as its clients, over each way that xDS goes.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { XdsEvent } from '#control/xds/events.ts';
import { parseResources } from '#control/xds/parse-resources.ts';
import { SnapshotCache } from '#control/xds/snapshot-cache.ts';
import { startXdsServer } from '#control/xds/xds-server.ts';
import { type Json, staticCluster, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';

const KINDS: readonly ProxyKind[] = ['fairlead', 'envoy'];

const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';

/** How the client asks: its bootstrap's dynamic_resources, and the source of its routes. */
const WAYS: Record<string, { resources: Json; routes: string }> = {
  ADS: aggregated('GRPC'),
  'delta ADS': aggregated('DELTA_GRPC'),
  'single services': single('GRPC'),
  'single services by delta': single('DELTA_GRPC'),
  REST: {
    resources: Object.fromEntries(['cds_config', 'lds_config'].map((name) => [name, source(rest())])),
    routes: JSON.stringify(source(rest())),
  },
};

function aggregated(kind: string): { resources: Json; routes: string } {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    resources: { ads_config: grpc(kind), cds_config: ads, lds_config: ads },
    routes: '{ads: {}, resource_api_version: V3}',
  };
}

function single(kind: string): { resources: Json; routes: string } {
  return {
    resources: { cds_config: source(grpc(kind)), lds_config: source(grpc(kind)) },
    routes: JSON.stringify(source(grpc(kind))),
  };
}

function source(api: Json): Json {
  return { api_config_source: api, resource_api_version: 'V3' };
}

function grpc(kind: string): Json {
  return { api_type: kind, transport_api_version: 'V3', grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] };
}

function rest(): Json {
  return { api_type: 'REST', transport_api_version: 'V3', cluster_names: ['rest'], refresh_delay: '0.05s' };
}

function resources(port: number, routes: string, match: string, body: string): string {
  return `
clusters: [{name: c, type: STATIC}]
listeners:
- name: in
  address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}
  filter_chains:
  - filters:
    - name: h
      typed_config:
        "@type": ${HCM}
        stat_prefix: in
        rds: {route_config_name: r, config_source: ${routes}}
        http_filters: [{name: r, typed_config: {"@type": ${ROUTER}}}]
routes:
- name: r
  virtual_hosts:
  - {name: v, domains: ["*"], routes: [{match: ${match}, direct_response: {status: 200, body: {inline_string: ${body}}}}]}
`;
}

function bootstrap(xdsPort: number, dynamic: Json): Json {
  const http2 = {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
        'extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          explicit_http_config: { http2_protocol_options: {} },
        },
      ),
    },
  };
  return {
    node: { id: 'test-id', cluster: 'test-cluster' },
    dynamic_resources: dynamic,
    static_resources: { clusters: [staticCluster('xds', [xdsPort], http2), staticCluster('rest', [xdsPort])] },
  };
}

async function started(t: TestContext, kind: ProxyKind, way: { resources: Json; routes: string }) {
  const cache = new SnapshotCache();
  const events: XdsEvent[] = [];
  const server = await startXdsServer({ cache, host: '127.0.0.1', port: 0, onEvent: (event) => events.push(event) });
  t.after(() => server.close());
  const port = await freePort();
  const publish = (match: string, body: string) =>
    cache.set('', parseResources(resources(port, way.routes, match, body)));
  publish('{prefix: /}', 'one');
  await startProxy(t, bootstrap(server.port, way.resources), { kind });
  const answers = (body: string) =>
    eventually(`the answer '${body}'`, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
      return (await response?.text()) === body;
    });
  return { events, publish, answers };
}

for (const kind of KINDS) {
  for (const [name, way] of Object.entries(WAYS)) {
    test(`${kind} takes what the server has, and what changes, by ${name}`, async (t) => {
      const { events, publish, answers } = await started(t, kind, way);
      await answers('one');
      publish('{prefix: /}', 'two');
      await answers('two');
      const acked = (short: string, version: string) =>
        events.some((event) => event.kind === 'ack' && event.type.short === short && event.version === version);
      await eventually('the second version of the routes is acknowledged', async () => acked('RDS', '2'));
      assert.ok(acked('CDS', '1') && acked('LDS', '1'));
    });
  }

  test(`${kind} refuses what it cannot use, says why, and goes on with what it has`, async (t) => {
    const { events, publish, answers } = await started(t, kind, WAYS['delta ADS']);
    await answers('one');
    publish('{safe_regex: {regex: "("}}', 'two');
    await eventually('the refusal', async () =>
      events.some((event) => event.kind === 'nack' && event.type.short === 'RDS' && /missing \)/.test(event.message)),
    );
    await answers('one');
    publish('{prefix: /}', 'three');
    await answers('three');
  });
}
