import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TagExtractor, type TagOptions } from '#proxy/observe/stats/tag-extraction.ts';

function extract(name: string, options: Partial<TagOptions> = {}): string {
  const extractor = new TagExtractor({ tags: [], useAllDefaultTags: true, ...options });
  const tagged = extractor.extract(name);
  return [tagged.name, ...tagged.tags.map((tag) => `${tag.name.replace('envoy.', '')}=${tag.value}`)].join(' ');
}

const CASES: [name: string, expected: string][] = [
  ['cluster.c.upstream_rq_200', 'cluster.upstream_rq response_code=200 cluster_name=c'],
  ['cluster.c.external.upstream_rq_5xx', 'cluster.external.upstream_rq_xx response_code_class=5 cluster_name=c'],
  ['cluster.a.b.upstream_cx_total', 'cluster.b.upstream_cx_total cluster_name=a'],
  [
    'cluster.a.b.endpoint.127.0.0.1_80.rq_total',
    'cluster.endpoint.rq_total cluster_name=a.b endpoint_address=127.0.0.1:80',
  ],
  ['cluster_manager.active_clusters', 'cluster_manager.active_clusters'],
  ['http.in.downstream_rq_2xx', 'http.downstream_rq_xx response_code_class=2 http_conn_manager_prefix=in'],
  ['http1.response_flood', 'http1.response_flood'],
  ['listener.127.0.0.1_80.downstream_cx_total', 'listener.downstream_cx_total listener_address=127.0.0.1_80'],
  ['listener.[__1]_80.downstream_cx_total', 'listener.downstream_cx_total listener_address=[__1]_80'],
  ['listener.mine.downstream_cx_total', 'listener.downstream_cx_total listener_address=mine'],
  [
    'listener.127.0.0.1_80.http.in.downstream_rq_2xx',
    'listener.http.downstream_rq_xx response_code_class=2 http_conn_manager_prefix=in listener_address=127.0.0.1_80',
  ],
  [
    'listener.0.0.0.0_80.worker_1.downstream_cx_total',
    'listener.worker.downstream_cx_total worker_id=1 listener_address=0.0.0.0_80',
  ],
  ['listener.admin.main_thread.downstream_cx_total', 'listener.admin.main_thread.downstream_cx_total'],
  [
    'listener.admin.http.admin.downstream_rq_completed',
    'listener.admin.http.downstream_rq_completed http_conn_manager_prefix=admin',
  ],
  ['listener.1.1.1.1_80.ssl.versions.TLSv1.3', 'listener.ssl.versions ssl_version=TLSv1.3 listener_address=1.1.1.1_80'],
  ['listener.1.1.1.1_80.ssl.ciphers.AES', 'listener.ssl.ciphers ssl_cipher=AES listener_address=1.1.1.1_80'],
  [
    'cluster.c.ssl.certificate.s1.expiration_unix_time_seconds',
    'cluster.ssl.certificate.expiration_unix_time_seconds tls_certificate=s1 cluster_name=c',
  ],
  ['server.worker_3.watchdog_miss', 'server.worker.watchdog_miss worker_id=3'],
  ['vhost.v.vcluster.other.upstream_rq_total', 'vhost.vcluster.upstream_rq_total virtual_cluster=other virtual_host=v'],
  ['vhost.v.route.r.upstream_rq_200', 'vhost.route.upstream_rq response_code=200 virtual_host=v route=r'],
];

for (const [name, expected] of CASES) {
  test(`${name} is ${expected}`, () => assert.equal(extract(name), expected));
}

test('fixed tags come between those that may sit anywhere and the others', () => {
  const options = { tags: [{ tagName: 'fixed', fixedValue: 'v1' }], commandLine: [{ name: 'cli', value: 'x' }] };
  assert.equal(
    extract('http.in.downstream_rq_2xx', options),
    'http.downstream_rq_xx response_code_class=2 cli=x fixed=v1 http_conn_manager_prefix=in',
  );
});

test("a user's pattern takes its first group away and its second as the value, over text that another tag took too", () => {
  const tags = [{ tagName: 'mine', regex: '^cluster\\.((.*?)\\.)' }];
  assert.equal(extract('cluster.c.upstream_cx_total', { tags }), 'cluster.upstream_cx_total cluster_name=c mine=c');
  assert.equal(extract('http.in.x', { tags }), 'http.x http_conn_manager_prefix=in');
});

test('without the default tags only those named are taken', () => {
  const options = { tags: [{ tagName: 'envoy.cluster_name' }], useAllDefaultTags: false };
  assert.equal(extract('cluster.c.upstream_rq_200', options), 'cluster.upstream_rq_200 cluster_name=c');
});

test('a fixed value is over the default tag of its name, an expression only where it may be', () => {
  const name = 'cluster.a.upstream_rq_total';
  const fixed = [{ tagName: 'envoy.cluster_name', fixedValue: 'q' }];
  assert.equal(extract(name, { tags: fixed }), 'cluster.a.upstream_rq_total cluster_name=q');
  const tags = [{ tagName: 'envoy.cluster_name', regex: String.raw`^cluster\.a\.((upstream)_)` }];
  assert.equal(extract(name, { tags }), 'cluster.upstream_rq_total cluster_name=a');
  assert.equal(extract(name, { tags, allowDefaultTagOverrides: true }), 'cluster.a.rq_total cluster_name=upstream');
});

test('the first of two tags of one name holds', () => {
  const twice = [
    { tagName: 'a', fixedValue: 'x' },
    { tagName: 'a', fixedValue: 'y' },
  ];
  assert.equal(extract('server.live', { tags: twice }), 'server.live a=x');
});
