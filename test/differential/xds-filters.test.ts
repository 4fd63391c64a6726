/** ECDS: filters whose configuration our proxy and real Envoy fetch: without it, with the default, with what comes, and what is refused. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { httpListener, type Json, routeConfig, routerFilter, typed } from '#testing/bootstrap.ts';
import { configSource, dynamicBootstrap, says, type Transport } from '#testing/dynamic-resources.ts';
import { ManagementServer } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';

const OWN_TIMES = /"last_update[a-z_]*": ?"[^"]*"/g;
const WEB = 'extensions.filters.http.grpc_web.v3.GrpcWeb';
const STATS = 'extensions.filters.http.grpc_stats.v3.FilterConfig';

function fetchedFilter(name: string, transport: Transport, more: Json = {}): Json {
  return {
    name,
    config_discovery: {
      config_source: configSource(transport, { initial_fetch_timeout: '0.5s' }),
      type_urls: [`type.googleapis.com/envoy.${WEB}`, `type.googleapis.com/envoy.${STATS}`],
      ...more,
    },
  };
}

function listener(name: string, filter: Json): Json {
  const manager = { stat_prefix: name, ...routeConfig([says('hello')]), http_filters: [filter, routerFilter()] };
  return httpListener({ name, manager });
}

/** The status of a request that a gRPC web filter would change. */
async function status(proxy: RunningProxy, name: string): Promise<string> {
  const wire = await proxy.connect(name);
  await wire.send(
    'POST / HTTP/1.1\r\nhost: a.test\r\ncontent-type: application/grpc-web\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
  );
  const response = await wire.response('POST');
  return `${name}: ${response.status} ${response.headers.find(([header]) => header === 'grpc-status')?.[1]}`;
}

// Envoy names the types that it expects in no certain order: they are left out of the comparison.
async function observe(t: TestContext, kind: ProxyKind, transport: Transport) {
  const server = await ManagementServer.start(t);
  server.serve('cluster', '1', []);
  server.serve('extension', '1', [{ name: 'there', typed_config: typed(WEB) }]);
  server.serve('listener', '1', [
    listener('absent', fetchedFilter('absent', transport)),
    listener('default', fetchedFilter('absent-too', transport, { default_config: typed(STATS) })),
    listener('there', fetchedFilter('there', transport)),
  ]);
  const proxy = await startProxy(t, dynamicBootstrap(server, transport), { kind });
  const all = async () => [await status(proxy, 'absent'), await status(proxy, 'default'), await status(proxy, 'there')];
  const seen = [await all()];
  const names = ['absent', 'absent-too', 'there'];
  server.serve(
    'extension',
    '2',
    names.map((name) => ({ name, typed_config: typed(STATS) })),
  );
  for (const name of names)
    await proxy.statBecomes(`extension_config_discovery.http_filter.${name}.config_reload`, (count) => count >= 1);
  await proxy.statBecomes('extension_config_discovery.http_filter.there.config_reload', 2);
  seen.push(await all());
  const buffer = typed('extensions.filters.http.buffer.v3.Buffer', { max_request_bytes: 1 });
  const others = ['absent', 'absent-too'].map((name) => ({ name, typed_config: typed(STATS) }));
  server.serve('extension', '3', [...others, { name: 'there', typed_config: buffer }]);
  const { error } = await server.requestWhere('the update is refused', (request) => request.error !== '');
  seen.push(await all());
  const body = (await proxy.get('/config_dump')).body.replaceAll(OWN_TIMES, '"time":""');
  const { configs } = JSON.parse(body) as { configs: { '@type': string; ecds_filters?: Json[] }[] };
  const filters = configs.flatMap(({ ecds_filters = [] }) => ecds_filters).map(withoutError);
  return {
    seen,
    error: error.replace(/ but expect .*$/, ''),
    filters: filters.map((one) => JSON.stringify(one)).sort(),
  };
}

function withoutError({ error_state: _, ...rest }: Json): Json {
  return { time: rest.time, version_info: rest.version_info, ecds_filter: rest.ecds_filter };
}

for (const transport of ['ads', 'delta ads'] as const) {
  test(`${transport}: filters are fetched, changed and refused as by Envoy`, async (t) => {
    const [envoy, ours] = await Promise.all([observe(t, 'envoy', transport), observe(t, 'fairlead', transport)]);
    assert.deepEqual(
      ours.seen[0].map((one) => one.split(' ')[1]),
      ['500', '200', '200'],
    );
    assert.deepEqual(ours, envoy);
  });
}
