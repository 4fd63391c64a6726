import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RouteTable, VirtualHost } from '#config/model/route.ts';
import { readRouteTable } from '#config/read/route-table.ts';
import { MergedHosts } from '#proxy/xds/merged-hosts.ts';
import { compileRouteTable, putVirtualHosts } from '#selection/compile-route-table.ts';
import { selectVirtualHost } from '#selection/select-virtual-host.ts';
import { readMessage } from '#testing/read-message.ts';

const DOMAINS = ['*', 'a.test', 'b.test', '*.a.test', 'a.*', '*.test', 'C.test'];
const HOSTS = ['a.test', 'b.test', 'x.a.test', 'a.other', 'c.test', 'y.test', 'none'];

const { value: empty } = readMessage('envoy.config.route.v3.RouteConfiguration', { name: 'r' }, readRouteTable);
const { value: one } = readMessage(
  'envoy.config.route.v3.RouteConfiguration',
  { name: 'r', virtual_hosts: [{ name: 'v', domains: ['v.test'] }] },
  readRouteTable,
);

function host(name: string, domains: string[]): VirtualHost {
  return { ...(one as RouteTable).virtualHosts[0], name, domains };
}

test('whatever is put in whose place, requests go where they would go in a table that was read as a whole', () => {
  const change = fc.record({
    name: fc.constantFrom('p', 'q', 'r'),
    domains: fc.uniqueArray(fc.constantFrom(...DOMAINS), { minLength: 1, maxLength: 3 }),
  });
  fc.assert(
    fc.property(
      fc.array(fc.uniqueArray(change, { selector: ({ name }) => name, maxLength: 2 }), { maxLength: 6 }),
      (updates) => {
        const own = [host('own', ['own.test'])];
        const merged = new MergedHosts(own);
        const table = compileRouteTable({ ...(empty as RouteTable), virtualHosts: own });
        for (const update of updates) {
          const before = merged.list;
          const changes = update.map(({ name, domains }) => ({
            former: before.find((other) => other.name === name),
            host: host(name, domains),
          }));
          const next = [
            ...before.filter((other) => !changes.some(({ former }) => former === other)),
            ...changes.map((one) => one.host),
          ];
          const domains = next.flatMap((each) => each.domains.map((domain) => domain.toLowerCase()));
          const placed = merged.put(changes);
          assert.equal(placed === undefined, new Set(domains).size < domains.length);
          if (placed === undefined) {
            assert.equal(merged.list, before);
            continue;
          }
          putVirtualHosts(table, placed);
          assert.deepEqual(table.config.virtualHosts, merged.list);
          const whole = compileRouteTable({ ...(empty as RouteTable), virtualHosts: next });
          for (const name of HOSTS)
            assert.equal(selectVirtualHost(table, name)?.config, selectVirtualHost(whole, name)?.config, name);
        }
      },
    ),
    { numRuns: 300 },
  );
});
