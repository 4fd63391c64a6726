import assert from 'node:assert/strict';
import test from 'node:test';
import { plainLine, type Row, redraw, tableLines } from '#cli/sample/live-table.ts';

const ROWS: Row[] = [
  {
    label: '/service/blue',
    stats: { requests: 3, ok: 2, clientErrors: 0, serverErrors: 1, p50: 0.5, p99: 11.25 },
    perSecond: 12,
  },
  { label: '/service', stats: { requests: 0, ok: 0, clientErrors: 0, serverErrors: 0 }, perSecond: 0 },
];

test('columns stand one under the other', () => {
  assert.deepEqual(tableLines(ROWS, 80), [
    'route           requests/s   2xx   4xx   5xx   p50     p99',
    '/service/blue   12.0         66%   0     1     <1 ms   11.3 ms',
    '/service        0.0          -     0     0     -       -',
  ]);
});

test('no line is wider than the terminal, so that redrawing stays in place', () => {
  assert.deepEqual(
    tableLines(ROWS, 20).map((line) => line.length <= 20),
    [true, true, true],
  );
});

test('a second drawing goes up over the first and clears its lines', () => {
  assert.equal(redraw(['a', 'b'], 0), '\x1b[2Ka\n\x1b[2Kb\n');
  assert.equal(redraw(['a', 'b'], 2), '\x1b[2A\x1b[2Ka\n\x1b[2Kb\n');
});

test('a plain line leaves out what nobody asked', () => {
  assert.equal(plainLine(ROWS), '/service/blue 3 answers, 66% 2xx, p99 11.3 ms');
});
