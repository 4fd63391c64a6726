import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminParams } from '#proxy/admin/handler.ts';
import { stats, statsPrometheus } from '#proxy/admin/handlers/stats.ts';
import { adminContext, type FakeServer } from '#testing/admin-context.ts';

/** A server with a few stats: the same values gave the same answers in Envoy 1.40. */
function server(): FakeServer {
  const context = adminContext();
  const { root } = context.thread;
  root.counter('cluster.c.upstream_rq_200').add(7);
  root.counter('cluster.c.upstream_rq_503');
  root.gauge('server.live').set(1);
  root.textReadout('control_plane.identifier').set('a "b"');
  const sizes = root.histogram('cluster.c.upstream_rq_body_size', 'Bytes');
  for (const size of [0, 0, 0, 0, 0, 0, 5, 12]) sizes.record(size);
  root.histogram('cluster.c.upstream_cx_length_ms', 'Milliseconds');
  return context;
}

async function ask(query: string, handler = stats) {
  const answer = await handler.answer({ params: new AdminParams(query) }, server());
  const { body } = answer;
  return typeof body === 'string' ? body : [...body].join('');
}

test('text has texts, then counters and gauges, then histograms', async () => {
  const summary =
    'P0(0,0) P25(0,0) P50(0,0) P75(0,0) P90(12.5,12.5) P95(12.5,12.5) P99(12.5,12.5) P99.5(12.5,12.5) P99.9(12.5,12.5) P100(12.5,12.5)';
  assert.equal(
    await ask(''),
    'control_plane.identifier: "a &quot;b&quot;"\n' +
      'cluster.c.upstream_rq_200: 7\ncluster.c.upstream_rq_503: 0\nserver.live: 1\n' +
      `cluster.c.upstream_cx_length_ms: No recorded values\ncluster.c.upstream_rq_body_size: ${summary}\n`,
  );
});

test('filter, invert_filter, usedonly and type choose among them', async () => {
  assert.equal(await ask('filter=live+$'), 'server.live: 1\n');
  assert.equal(await ask('filter=^cluster&type=Counters&usedonly'), 'cluster.c.upstream_rq_200: 7\n');
  assert.equal(await ask('filter=^cluster|control&invert_filter'), 'server.live: 1\n');
  assert.equal(await ask('type=Gauges'), 'server.live: 1\n');
  assert.equal(await ask('type=TextReadouts'), 'control_plane.identifier: "a &quot;b&quot;"\n');
  assert.equal(await ask('filter=length_ms&usedonly'), '');
  assert.equal(await ask('filter=live&hidden=only'), '');
});

test('histograms by bucket: cumulative, disjoint, detailed', async () => {
  const bounds = (counts: string) =>
    [
      '0.5',
      '1',
      '5',
      '10',
      '25',
      '50',
      '100',
      '250',
      '500',
      '1000',
      '2500',
      '5000',
      '10000',
      '30000',
      '60000',
      '300000',
      '600000',
      '1.8e+06',
      '3.6e+06',
    ]
      .map((bound, i) => `B${bound}(${counts.split(' ')[i]})`)
      .join(' ');
  const of = async (mode: string) =>
    (await ask(`filter=body_size&histogram_buckets=${mode}`)).replace('cluster.c.upstream_rq_body_size:', '');
  assert.equal(await of('cumulative'), ` ${bounds(`6,6 6,6 7,7 7,7${' 8,8'.repeat(15)}`)}\n`);
  assert.equal(await of('disjoint'), ` ${bounds(`6,6 0,0 1,1 0,0 1,1${' 0,0'.repeat(14)}`)}\n`);
  assert.match(
    await of('detailed'),
    /^\n {2}totals=0,0:6, 5,0\.1:1, 12,1:1\n {2}intervals=0,0:6, 5,0\.1:1, 12,1:1\n {2}summary=P0\(0,0\) /,
  );
});

test('JSON has histograms in its last element, in each bucket mode', async () => {
  assert.equal(await ask('format=json&filter=live'), '{"stats":[{"name":"server.live","value":1}]}');
  assert.equal(await ask('format=json&filter=nothing'), '{"stats":[]}');
  const parsed = async (mode: string) =>
    JSON.parse(await ask(`format=json&filter=body_size&histogram_buckets=${mode}`)).stats[0].histograms;
  const summary = await parsed('summary');
  assert.deepEqual(summary.supported_quantiles, [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]);
  assert.deepEqual(summary.computed_quantiles[0].values[4], { cumulative: 12.5, interval: 12.5 });
  assert.deepEqual((await parsed('disjoint'))[0].buckets[4], { upper_bound: 25, interval: 1, cumulative: 1 });
  assert.deepEqual((await parsed('detailed')).details[0].totals[1], { lower_bound: 5, width: 0.1, count: 1 });
  assert.match(await ask('format=json&filter=body_size&histogram_buckets=cumulative'), /\{"upper_bound":3e\+05,/);
  assert.match(await ask('format=json&filter=length_ms'), /"values":\[\{"cumulative":null,"interval":null\}/);
});

test('Prometheus has tags as labels, a TYPE line a name, and exact sums', async () => {
  const lines = (await ask('', statsPrometheus)).split('\n');
  assert.deepEqual(lines.slice(0, 6), [
    '# TYPE envoy_cluster_upstream_rq counter',
    'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="c"} 7',
    'envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="c"} 0',
    '# TYPE envoy_server_live gauge',
    'envoy_server_live{} 1',
    '# TYPE envoy_cluster_upstream_cx_length_ms histogram',
  ]);
  assert.ok(lines.includes('envoy_cluster_upstream_rq_body_size_bucket{envoy_cluster_name="c",le="3600000"} 8'));
  assert.ok(lines.includes('envoy_cluster_upstream_rq_body_size_bucket{envoy_cluster_name="c",le="+Inf"} 8'));
  assert.ok(
    lines.includes('envoy_cluster_upstream_rq_body_size_sum{envoy_cluster_name="c"} 17.529504950495049087066945503466'),
  );
  assert.ok(lines.includes('envoy_cluster_upstream_rq_body_size_count{envoy_cluster_name="c"} 8'));
});

test('Prometheus shows texts as gauges, summaries, and only what was used, when asked', async () => {
  assert.match(
    await ask('filter=identifier&text_readouts', statsPrometheus),
    /^# TYPE envoy_control_plane_identifier gauge\nenvoy_control_plane_identifier\{text_value="a \\"b\\""\} 0\n$/,
  );
  assert.match(
    await ask('filter=body&histogram_buckets=summary', statsPrometheus),
    /\{envoy_cluster_name="c",quantile="0\.9"\} 12\.5\n/,
  );
  assert.equal(await ask('filter=length_ms&usedonly', statsPrometheus), '');
});

test("what makes no sense is refused in Envoy's words", async () => {
  assert.equal(await ask('format=x'), 'usage: /stats?format=(html|active-html|json|prometheus|text)\n\n');
  assert.equal(await ask('type=x'), 'invalid &type= param');
  assert.equal(await ask('hidden=x'), 'usage: /stats?hidden=(include|only|exclude)\n\n');
  assert.equal(
    await ask('histogram_buckets=x'),
    'usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary|prometheusnative)\n',
  );
  assert.match(await ask('filter=['), /^Invalid re2 regex: /);
  assert.equal(
    await ask('histogram_buckets=disjoint', statsPrometheus),
    'unsupported prometheus histogram bucket mode',
  );
});

test('the page keeps the form as it was filled in, and its stats are safe to show', async () => {
  const page = await ask('format=html&filter=%3Cb%3E|identifier&usedonly');
  assert.match(page, /name="filter" size="40" value="&#60;b&#62;\|identifier"/);
  assert.match(page, /name="usedonly" checked/);
  assert.doesNotMatch(page, /refresh/);
  assert.match(await ask('format=active-html'), /<meta http-equiv="refresh" content="2">/);
});
