import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { compareJson } from '#cli/diff/compare-json.ts';

test('order counts where it means something to Envoy, and only there', () => {
  const hosts = (...names: string[]) => ({ virtual_hosts: names.map((name) => ({ name, domains: [name, 'x'] })) });
  assert.deepEqual(compareJson(hosts('a', 'b'), hosts('b', 'a')), []);
  assert.deepEqual(compareJson({ domains: ['a', 'b'] }, { domains: ['b', 'a'] }), []);
  const chain = (port: number) => ({ filter_chain_match: { destination_port: port }, filters: [{ name: 'f' }] });
  assert.deepEqual(compareJson({ filter_chains: [chain(1), chain(2)] }, { filter_chains: [chain(2), chain(1)] }), []);
  assert.deepEqual(
    compareJson({ routes: [{ name: 'a' }, { name: 'b' }] }, { routes: [{ name: 'b' }, { name: 'a' }] }),
    [{ path: 'routes', moved: true }],
  );
  assert.deepEqual(compareJson({ http_filters: [1, 2] }, { http_filters: [2, 1] }), [
    { path: 'http_filters', moved: true },
  ]);
});

test('a difference is told at the field that differs', () => {
  const host = (timeout: string, more: object[] = []) => ({
    virtual_hosts: [{ name: 'v', routes: [...more, { name: 'r', route: { timeout } }] }],
  });
  assert.deepEqual(compareJson(host('1s'), host('2s')), [
    { path: 'virtual_hosts["v"].routes[0].route.timeout', before: '1s', after: '2s' },
  ]);
  assert.deepEqual(compareJson(host('1s'), host('1s', [{ name: 'new' }])), [
    { path: 'virtual_hosts["v"].routes[0]', after: { name: 'new' } },
  ]);
  assert.deepEqual(compareJson({ a: 1 }, { b: 2 }), [
    { path: 'a', before: 1 },
    { path: 'b', after: 2 },
  ]);
  const endpoint = (address: string, health_status: string) => ({ endpoint: { address: { address } }, health_status });
  assert.deepEqual(
    compareJson(
      { lb_endpoints: [endpoint('1', 'HEALTHY'), endpoint('2', 'HEALTHY')] },
      { lb_endpoints: [endpoint('2', 'DRAINING'), endpoint('1', 'HEALTHY')] },
    ),
    [{ path: 'lb_endpoints["{\\"address\\":\\"2\\"}"].health_status', before: 'HEALTHY', after: 'DRAINING' }],
  );
});

test('items of one name are paired with their equals first', () => {
  const list = (...values: number[]) => ({ virtual_hosts: values.map((value) => ({ name: '', value })) });
  assert.deepEqual(compareJson(list(1, 2, 3), list(3, 9, 1)), [
    { path: 'virtual_hosts[""].value', before: 2, after: 9 },
  ]);
});

test('nothing differs from itself, and what differs one way differs the other way', () => {
  const keys = fc.constantFrom(
    'name',
    'virtual_hosts',
    'routes',
    'domains',
    'clusters',
    'endpoints',
    'x y',
    '__proto__',
  );
  const value = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, 1, 'a', 'b', true),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(keys, tie('json'), { maxKeys: 4 }),
    ),
  })).json;
  fc.assert(
    fc.property(value, value, (a, b) => {
      assert.deepEqual(compareJson(a, structuredClone(a)), []);
      assert.equal(compareJson(a, b).length === 0, compareJson(b, a).length === 0);
    }),
    { numRuns: 500 },
  );
});
