import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RouteDemands, type RouteQuestion } from '#proxy/http/route-demands.ts';

const question = (name: string): RouteQuestion => ({ kind: 'virtual_host', key: 'k', name });

function demanding() {
  const asked: string[] = [];
  const ready: string[] = [];
  const demands = new RouteDemands(({ name }) => asked.push(name));
  return {
    asked,
    ready,
    demands,
    demand: (name: string, who: string) => demands.demand(question(name), () => ready.push(who)),
  };
}

test('the main thread is asked once for all who wait, and again by those who come after the answer', () => {
  const { asked, ready, demands, demand } = demanding();
  demand('a', '1');
  demand('a', '2');
  demand('b', '3');
  demands.hear(question('a'));
  assert.deepEqual(
    [asked, ready],
    [
      ['a', 'b'],
      ['1', '2'],
    ],
  );
  demand('a', '4');
  demands.hear(question('a'));
  demands.hear(question('a'));
  assert.deepEqual(
    [asked, ready],
    [
      ['a', 'b', 'a'],
      ['1', '2', '4'],
    ],
  );
});

test('who waits no more hears nothing, and the answer of another kind is not theirs', () => {
  const { ready, demands, demand } = demanding();
  demand('a', '1')?.();
  demand('a', '2');
  demands.hear({ ...question('a'), kind: 'cluster' });
  assert.deepEqual(ready, []);
  demands.hear(question('a'));
  assert.deepEqual(ready, ['2']);
});

test('a name that is too long is not asked for', () => {
  const { asked, demand } = demanding();
  assert.equal(demand('x'.repeat(1025), '1'), undefined);
  assert.notEqual(demand('x'.repeat(1024), '1'), undefined);
  assert.equal(asked.length, 1);
});
