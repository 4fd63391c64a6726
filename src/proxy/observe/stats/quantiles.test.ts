import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binMidpoint, binOf, binWidth, HistogramBins, lowerBound } from '#proxy/observe/stats/histogram-bins.ts';
import { approximateSum, cumulativeCounts, quantiles } from '#proxy/observe/stats/quantiles.ts';
import { ThreadHistogram } from '#proxy/observe/stats/thread-histogram.ts';

function binsOf(values: number[], percent = false): HistogramBins {
  const histogram = new ThreadHistogram(0, percent, { recorded() {} });
  for (const value of values) histogram.record(value);
  const bins = new HistogramBins();
  bins.merge(histogram.take());
  return bins;
}

const times = (count: number, value: number) => Array.from({ length: count }, () => value);

test('a bin has two significant digits, and its bounds hold the value', () => {
  for (const value of [0, 1, 9, 10, 11, 99, 100, 105, 110, 999, 1000, 123_456_789, 1e15]) {
    const bin = binOf(value);
    // 1.1 * 100 is a little more than 110, there and here.
    assert.ok(
      lowerBound(bin) <= value * (1 + Number.EPSILON) && value <= lowerBound(bin) + binWidth(bin),
      `${value} in bin ${bin}`,
    );
    assert.ok(value < 10 || binWidth(bin) <= value / 10, `${value} in a bin ${binWidth(bin)} wide`);
  }
  assert.deepEqual([0, 1, 42, 420, 427].map(binOf), [0, 10, 142, 242, 242]);
});

test('quantiles are those that Envoy 1.40 shows for the same values', () => {
  const shown = (values: number[]) => quantiles(binsOf(values), 'Unspecified').map(String).join(' ');
  assert.equal(
    shown(times(10, 1)),
    '1.009090909090909 1.0272727272727273 1.0454545454545454 1.0727272727272728 1.0818181818181818 1.0909090909090908 ' +
      '1.0909090909090908 1.0909090909090908 1.0909090909090908 1.0909090909090908',
  );
  assert.equal(
    shown([...times(7, 0), 105, 107, 99, 100, 110, 1001]),
    '0 0 0 105 115.00000000000001 1050 1050 1050 1050 1050',
  );
  assert.equal(
    shown([105, 107, 99, 100, 110, 1001]),
    '99.5 102.5 105 115.00000000000001 1050 1050 1050 1050 1050 1050',
  );
  assert.equal(shown([...times(8, 4)]).split(' ')[2], '4.044444444444444');
});

test('a histogram without values has no quantiles', () => {
  assert.deepEqual(quantiles(binsOf([]), 'Bytes'), times(10, Number.NaN));
});

test('a sum takes each value for its bin, as Envoy 1.40 does', () => {
  const sum = (values: number[]) => approximateSum(binsOf(values), 'Unspecified');
  assert.equal(sum([0, 0, 0, 0, 0, 0, 5, 12]), 17.529504950495049);
  assert.equal(sum([...times(7, 0), 105, 107, 99, 100, 110, 1001]), 1576.1848580376002);
  assert.equal(sum([46]), 46.494623655913976);
  assert.equal(binMidpoint(0), 0);
});

test('a bucket counts every bin that begins at or below its bound', () => {
  const counts = cumulativeCounts(binsOf([0, 1, 5, 12, 105, 107]), [0.5, 1, 5, 10, 12, 100, 1000], 'Bytes');
  assert.deepEqual(counts, [1, 2, 3, 3, 4, 6, 6]);
});

test('shares of the whole are kept to the millionth and shown as shares', () => {
  const bins = binsOf([0.25, 0.25, 1], true);
  assert.deepEqual(
    quantiles(bins, 'Percent').slice(0, 3),
    [0.25333333333333335, 0.25333333333333335, 0.25666666666666665],
  );
  assert.deepEqual(cumulativeCounts(bins, [0.2, 0.3, 2], 'Percent'), [0, 2, 3]);
});

test('a fraction is cut off and a negative value counts as zero', () => {
  assert.deepEqual(binsOf([1.9, -3, 0.2]).bins, [0, 10]);
});

test('an interval is handed over once', () => {
  const told: ThreadHistogram[] = [];
  const histogram = new ThreadHistogram(7, false, { recorded: (one) => void told.push(one) });
  histogram.record(3);
  histogram.record(0);
  assert.deepEqual(histogram.take(), [0, 1, 30, 1]);
  assert.deepEqual(histogram.take(), []);
  histogram.record(3);
  assert.deepEqual(histogram.take(), [30, 1]);
  assert.equal(told.length, 2);
});
