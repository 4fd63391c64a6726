import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { metricsOf, orcaReport } from '#proxy/upstream/orca-report.ts';
import { fuzzRuns } from '#testing/fuzz-runs.ts';
import { Headers } from '#wire/headers.ts';

const WANTED = [
  'cpu_utilization',
  'eps',
  'named_metrics.*',
  'utilization.u',
  'request_cost.c',
  'nonsense',
  'nonsense.*',
];

/** The metrics that are not 0; undefined where the header cannot be read. */
function read(value: string, name = 'endpoint-load-metrics'): string | undefined {
  const headers = new Headers();
  headers.add(name, value);
  const report = orcaReport(headers);
  const metrics = report && metricsOf(report, WANTED).filter(([, number]) => number !== 0);
  return metrics?.map(([metric, number]) => `${metric}=${number}`).join(' ');
}

// As real Envoy reads them.
const READ: Record<string, string | undefined> = {
  'TEXT cpu_utilization=0.5,eps:2': 'cpu_utilization=0.5 eps=2',
  'TEXT  cpu_utilization: 0.5 , named_metrics.a.b=1,,': 'cpu_utilization=0.5 named_metrics.a.b=1',
  'TEXT cpu_utilization = 0.5': undefined,
  'TEXT cpu_utilization=0.5,cpu_utilization=0.6': undefined,
  'TEXT cpu_utilization=-1': undefined,
  'TEXT cpu_utilization=1e400': undefined,
  'TEXT cpu_utilization=,eps=1': undefined,
  'TEXT cpu_utilization=1=2': undefined,
  'TEXT named_metrics.=1': undefined,
  'TEXT foo=1': undefined,
  'TEXT request_cost.c=1': undefined,
  'TEXT ': undefined,
  'text cpu_utilization=0.5': undefined,
  'cpu_utilization=0.5': undefined,
  'JSON {"cpuUtilization": 0.5, "request_cost": {"c": 4, "d": 5}, "utilization": {"u": 1}}':
    'cpu_utilization=0.5 utilization.u=1 request_cost.c=4',
  'JSON {"foo": 1}': undefined,
  'JSON {}': '',
  'JSON {': undefined,
  'BIN CQAAAAAAANA/': 'cpu_utilization=0.25',
  'BIN ###': undefined,
  'BIN enp6': undefined,
};

for (const [header, metrics] of Object.entries(READ)) {
  test(`"${header}" ${metrics === undefined ? 'cannot be read' : `says "${metrics}"`}`, () => {
    assert.equal(read(header), metrics);
  });
}

test('the header with bytes goes before the other', () => {
  assert.equal(read('CQAAAAAAANA/', 'endpoint-load-metrics-bin'), 'cpu_utilization=0.25');
  const headers = new Headers();
  headers.add('endpoint-load-metrics', 'TEXT eps=1');
  headers.add('endpoint-load-metrics-bin', '###');
  assert.equal(orcaReport(headers), undefined);
});

test('a metric that is listed twice is told twice, and names of objects are no metrics', () => {
  const headers = new Headers();
  headers.add('endpoint-load-metrics', 'TEXT named_metrics.a=1,named_metrics.__proto__=2');
  const report = orcaReport(headers);
  assert.ok(report !== undefined);
  assert.deepEqual(metricsOf(report, ['named_metrics.a', 'named_metrics.*', 'named_metrics.toString']), [
    ['named_metrics.a', 1],
    ['named_metrics.a', 1],
  ]);
});

test('any header is read or not', () => {
  const part = fc.constantFrom(
    'TEXT ',
    'JSON ',
    'BIN ',
    'cpu_utilization',
    'named_metrics.',
    '=',
    ':',
    ',',
    '1',
    '{',
    '"a"',
    '}',
    '/+=',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (value) => void read(value)),
    { numRuns: fuzzRuns(2000) },
  );
});
