/** What counts as an update of a cluster's members, and what says nothing new: ours and real Envoy with the same assignments by EDS. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Json, socketAddress } from '#testing/bootstrap.ts';
import { dynamicBootstrap, edsCluster } from '#testing/dynamic-resources.ts';
import { ManagementServer } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';

function member(port: number, more: Json = {}): Json {
  return { endpoint: { address: socketAddress(port) }, ...more };
}

const [one, two, three] = [member(1), member(2), member(3)];

/** The members by priority. */
const STEPS: [what: string, members: Json[][], policy?: Json][] = [
  ['none at first', []],
  ['two come', [[one, two]]],
  ['the same again', [[one, two]]],
  ['turned round', [[two, one]]],
  ['one is not well', [[member(1, { health_status: 'UNHEALTHY' }), two]]],
  ['another weight', [[member(1, { health_status: 'UNHEALTHY' }), member(2, { load_balancing_weight: 5 })]]],
  ['metadata', [[one, member(2, { metadata: { filter_metadata: { 'envoy.lb': { a: 'b' } } } })]]],
  ['another factor', [[one, two]], { overprovisioning_factor: 200 }],
  ['a second priority', [[one, two], [three]]],
  ['both change', [[one, member(2, { load_balancing_weight: 2 })], [member(3, { load_balancing_weight: 2 })]]],
  ['one moves', [[one, two, three]]],
  ['all go', []],
  ['none again', []],
];

async function observe(t: TestContext, kind: ProxyKind): Promise<string[]> {
  const server = await ManagementServer.start(t);
  const serve = (version: number, priorities: Json[][], policy?: Json) => {
    const endpoints = priorities.map((lb_endpoints, priority) => ({ priority, lb_endpoints }));
    server.serve('endpoint', String(version), [{ cluster_name: 'c', endpoints, policy }]);
  };
  server.serve('cluster', '1', [edsCluster('c', 'ads')]);
  server.serve('listener', '1', []);
  serve(1, STEPS[0][1]);
  const proxy = await startProxy(t, dynamicBootstrap(server, 'ads'), { kind });
  const notes: string[] = [];
  for (const [i, [what, members, policy]] of STEPS.entries()) {
    if (i > 0) serve(i + 1, members, policy);
    await proxy.statBecomes('cluster.c.update_success', i + 1);
    const stats = await proxy.stats(
      '^cluster_manager.*updated|update_no_rebuild|^cluster.c.membership_(change|total|healthy)',
    );
    notes.push(`${what}: ${JSON.stringify(stats)}`);
  }
  return notes;
}

test('as many updates of members are counted, and as many that say nothing new', async (t) => {
  assert.deepEqual(await observe(t, 'fairlead'), await observe(t, 'envoy'));
});
