import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainAllHosts } from '#explain/all-hosts.ts';
import type { DumpConfiguration } from '#explain/dump/dump-configuration.ts';
import { explain } from '#explain/explain.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';
import type { Explanation } from '#explain/explanation.ts';
import { explainedDump } from '#testing/explained-dump.ts';
import { goldenDumps, goldenScenario } from '#testing/istioctl-golden.ts';

const policies = goldenScenario('bookinfo-policies');
const sidecar = explainedDump(policies.inputs['productpage-v1.config_dump.json']);
const gateway = explainedDump(policies.inputs['istio-ingressgateway.config_dump.json']);
const authz = goldenDumps('authz');
const web = explainedDump(authz.web);

function ask(configuration: DumpConfiguration, url: string, more: Partial<ExplainQuery> = {}): Explanation {
  return explain(configuration, { url, method: 'GET', headers: [], alpn: [], ...more });
}

test('what an application sends out goes by the original destination, which its service’s virtual host tells', () => {
  const told = ask(sidecar, 'http://ratings:9080/x', { headers: [['end-user', 'jason']] });
  assert.deepEqual(told.way_in, {
    name: 'virtualOutbound',
    address: '0.0.0.0:15001',
    direction: 'outbound',
    original_destination: '10.96.20.4:9080',
    why: 'the system redirects what goes out; ratings is 10.96.20.4 by virtual host ratings.default.svc.cluster.local:9080; use_original_dst hands it on',
  });
  assert.equal(told.listener.name, '0.0.0.0_9080');
  assert.equal(told.virtual_host?.name, 'ratings.default.svc.cluster.local:9080');
  assert.equal(told.route?.resource, 'VirtualService default/ratings');
  assert.deepEqual(told.policies, [
    { filter: 'envoy.filters.http.fault', outcome: 'notes', why: 'delays every request by 7s', level: 'route' },
  ]);
  assert.equal(told.cluster?.name, 'outbound|9080|v1|ratings.default.svc.cluster.local');
  assert.equal(told.cluster?.resource, 'DestinationRule default/ratings');
  assert.deepEqual(told.cluster?.hosts, [{ address: '10.244.2.35:9080', health: 'HEALTHY', zone: 'zone2' }]);
  assert.equal(told.upstream?.tls?.server_name, 'outbound_.9080_.v1_.ratings.default.svc.cluster.local');
  assert.equal(told.notes, undefined);
});

test('TCP goes to the cluster of the listener that stands on the service’s address', () => {
  const told = ask(sidecar, 'https://istio-ingressgateway.istio-system/');
  assert.equal(told.listener.name, '10.96.0.11_443');
  assert.equal(told.tcp, true);
  assert.equal(told.cluster?.name, 'outbound|443||istio-ingressgateway.istio-system.svc.cluster.local');
  assert.equal(told.upstream, undefined);
});

test('what no listener is for stays with the one that takes all, and goes where it was meant to', () => {
  const told = ask(sidecar, 'http://www.example.com:7777/');
  assert.match(told.way_in?.why ?? '', /the address of www.example.com is not known \(--destination/);
  assert.equal(told.listener.name, 'virtualOutbound');
  assert.equal(told.filter_chain?.name, 'virtualOutbound-catchall-tcp');
  assert.deepEqual([told.cluster?.name, told.cluster?.type], ['PassthroughCluster', 'ORIGINAL_DST']);
  const plain = ask(sidecar, 'http://www.example.com:9080/', { destination: '203.0.113.7' });
  assert.equal(plain.virtual_host?.name, 'allow_any');
});

test('what comes from another sidecar is seen by its port, its TLS and its protocols', () => {
  const own = 'http://10.244.1.30:9080/';
  const chain = (more: Partial<ExplainQuery>) => ask(sidecar, own, { direction: 'inbound', ...more }).filter_chain;
  assert.deepEqual([chain({})?.name, chain({})?.tls], ['0.0.0.0_9080', false]);
  const peer = 'spiffe://cluster.local/ns/default/sa/x';
  assert.deepEqual([chain({ peer })?.name, chain({ peer })?.tls], ['0.0.0.0_9080', true]);
  const told = ask(sidecar, own, { direction: 'inbound', peer });
  assert.equal(told.listener.name, 'virtualInbound');
  assert.equal(told.cluster?.name, 'inbound|9080||');
  assert.equal(told.way_in?.original_destination, '10.244.1.30:9080');
  // Of a port without a service, HTTP is found by the HTTP inspector, other than where that is switched off.
  assert.equal(
    ask(sidecar, 'http://10.244.1.30:77/', { direction: 'inbound' }).filter_chain?.name,
    'virtualInbound-catchall-http',
  );
  assert.equal(ask(sidecar, 'http://10.244.1.30:15006/', { direction: 'inbound' }).cluster?.name, 'BlackHoleCluster');
});

test('a connection to an address of the pod comes in, one to localhost is not redirected', () => {
  assert.equal(ask(sidecar, 'http://10.244.1.30:9080/').way_in?.direction, 'inbound');
  assert.equal(ask(sidecar, 'http://localhost:15021/healthz/ready').way_in, undefined);
  assert.equal(ask(sidecar, 'http://localhost:15021/healthz/ready').cluster?.name, 'agent');
});

test('a gateway is entered where it listens', () => {
  const told = ask(gateway, 'http://any.test:8080/productpage');
  assert.equal(told.way_in, undefined);
  assert.equal(told.route?.resource, 'VirtualService default/bookinfo');
  assert.equal(ask(gateway, 'http://any.test:8080/none').response?.status, 404);
});

test('an AuthorizationPolicy says which rule lets a request pass, and why others do not', () => {
  const inbound = (path: string, more: Partial<ExplainQuery> = {}) =>
    ask(web, `http://10.244.1.70:8080${path}`, {
      headers: [['host', 'web.example.com']],
      direction: 'inbound',
      ...more,
    });
  const peer = 'spiffe://cluster.local/ns/shop/sa/front';
  const allowed = inbound('/a', { peer });
  assert.deepEqual(
    allowed.policies?.map(({ outcome, resource }) => [outcome, resource]),
    [
      ['allows', undefined],
      ['allows', 'AuthorizationPolicy shop/web-allow, rule 0'],
    ],
  );
  assert.equal(allowed.response, undefined);
  const refused = inbound('/a');
  assert.equal(refused.response?.status, 403);
  assert.equal(refused.policies?.at(-1)?.why, 'no policy that allows matches');
  assert.match(JSON.stringify(refused.policies?.at(-1)?.rejected), /shows no identity of the mesh/);
  const banned = inbound('/a', { peer: 'spiffe://cluster.local/ns/banned/sa/x' });
  assert.equal(banned.policies?.at(-1)?.resource, 'AuthorizationPolicy istio-system/deny-all, rule 0');
  assert.equal(banned.policies?.at(-1)?.outcome, 'denies');
  const outside = inbound('/ext/b', { peer });
  assert.deepEqual(
    outside.policies?.slice(0, 2).map(({ filter, outcome }) => [filter, outcome]),
    [
      ['envoy.filters.http.rbac', 'notes'],
      ['envoy.filters.http.ext_authz', 'depends'],
    ],
  );
  assert.equal(
    inbound('/dry', { peer }).policies?.some(({ why }) => why.startsWith('only noted')),
    true,
  );
});

test('a token is asked for where one has to be', () => {
  const jwt = explainedDump(authz.jwt);
  const told = ask(jwt, 'http://x:8080/', { direction: 'inbound', headers: [['authorization', 'Bearer a.b.c']] });
  const [first] = told.policies ?? [];
  assert.equal(first.outcome, 'depends');
  assert.match(first.why, /^requires \(a token of origins-0 \(issuer https:\/\/issuer.example.com\) or /);
});

test('an unhealthy host is shown so where the proxy was asked', () => {
  const clusters = structuredClone(policies.inputs['productpage-v1.clusters.json']) as {
    cluster_statuses: { name: string; host_statuses: { health_status: object }[] }[];
  };
  const name = 'outbound|9080|v1|ratings.default.svc.cluster.local';
  for (const status of clusters.cluster_statuses.filter((each) => each.name === name))
    status.host_statuses[0].health_status = { eds_health_status: 'HEALTHY', failed_outlier_check: true };
  const asked = explainedDump(policies.inputs['productpage-v1.config_dump.json'], clusters);
  assert.equal(ask(asked, 'http://ratings:9080/').cluster?.hosts?.[0].health, 'UNHEALTHY');
});

test('what the readers refuse is told and does not stand in the way', () => {
  const root = structuredClone(policies.inputs['istio-ingressgateway.config_dump.json']) as { configs: object[] };
  const text = JSON.stringify(root).replace('"path":"/login"', '"path":"/login","field_of_tomorrow":{"a":1},"grpc":7');
  const told = ask(explainedDump(JSON.parse(text)), 'http://any.test:8080/login');
  assert.equal(told.cluster?.name, 'outbound|9080||productpage.default.svc.cluster.local');
  assert.match((told.notes ?? []).join('\n'), /no field 'field_of_tomorrow' in RouteMatch/);
  assert.match((told.notes ?? []).join('\n'), /routes\[\]\.match\.grpc: /);
});

test('all hosts: each route that a plain request comes to, once', () => {
  const all = explainAllHosts(gateway, { url: '', method: 'GET', headers: [], alpn: [] });
  assert.deepEqual(
    all.map(({ port, host, path, goes_to }) => [port, host, path, goes_to.split('|')[3] ?? goes_to]),
    [
      ...['/productpage', '/static', '/login', '/logout', '/api/v1/products'].map((path) => [
        ...[8080, '*', path],
        'productpage.default.svc.cluster.local',
      ]),
      [15090, '*', '/stats/prometheus', 'prometheus_stats'],
      [15021, '*', '/healthz/ready', 'agent'],
    ],
  );
});
