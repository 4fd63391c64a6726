/** Random resources from a management server are acknowledged or refused by both. Follows the xDS protocol. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { arbitraryAssignment, arbitraryCluster } from '#testing/arbitrary-cluster.ts';
import { arbitraryManager, arbitraryRouteTable } from '#testing/arbitrary-manager.ts';
import { bootstrap, httpListener, type Json, staticCluster } from '#testing/bootstrap.ts';
import { dynamicBootstrap, edsCluster, rdsListener, routeTable, says } from '#testing/dynamic-resources.ts';
import { anyOf, ManagementServer, type ResourceType, TYPES } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';

/** How many good ones and how many bad ones in all. The same every time; a search takes others with FUZZ_SEED. */
const WANTED = Number(process.env.FUZZ_CONFIGURATIONS ?? 100);
const SEED = Number(process.env.FUZZ_SEED ?? 6);

const KINDS: Partial<Record<ResourceType, fc.Arbitrary<Json>>> = {
  cluster: arbitraryCluster,
  endpoint: arbitraryAssignment('eds'),
  listener: arbitraryManager.map((manager) => httpListener({ name: 'random', manager })),
  route: arbitraryRouteTable.map((table): Json => ({ name: 'r', ...table })),
};

/** What ours refuses and Envoy takes; docs/compatibility.md says why. */
const EXPLAINED = /DNS finds no unix sockets|at load_balancing_policy\.policies\[0\]\S*choice_count/;

class Client {
  readonly #server: ManagementServer;
  readonly #proxy;
  #number = 0;

  private constructor(server: ManagementServer, proxy: Awaited<ReturnType<typeof startProxy>>) {
    this.#server = server;
    this.#proxy = proxy;
  }

  /** One that has subscribed to all types. */
  static async start(t: TestContext, kind: ProxyKind): Promise<Client> {
    const server = await ManagementServer.start(t);
    server.serve('cluster', '0', []);
    server.serve('listener', '0', []);
    server.serve('endpoint', '0', [{ cluster_name: 'eds' }]);
    server.serve('route', '0', [routeTable('r', [says('first')])]);
    const clusters = [staticCluster('a', [1]), staticCluster('b', [1]), edsCluster('eds', 'ads')];
    const { static_resources: own } = bootstrap([rdsListener('in', 'r', 'ads')], clusters);
    const dynamic = dynamicBootstrap(server, 'ads') as { static_resources: { clusters: Json[] } };
    const { listeners, clusters: mine } = own as { listeners: Json[]; clusters: Json[] };
    const resources = { listeners, clusters: [...dynamic.static_resources.clusters, ...mine] };
    const options = { kind, logLevel: 'off', args: ['--drain-time-s', '1'] };
    const proxy = await startProxy(t, { ...dynamic, static_resources: resources }, options);
    return new Client(server, proxy);
  }

  /** @returns why the proxy refuses a resource; nothing: it takes it. */
  async verdict(type: ResourceType, tree: Json): Promise<string> {
    const nonce = `random-${++this.#number}`;
    const typeUrl = `type.googleapis.com/${TYPES[type]}`;
    const resource = anyOf(TYPES[type], tree);
    this.#server.push({ nonce, typeUrl, versionInfo: nonce, resources: [resource] });
    const answer = this.#server.requestWhere(`an answer to ${nonce}`, (request) => request.nonce === nonce);
    const { error } = await Promise.race([answer, this.#proxy.exited.then((how) => assert.fail(`it ended: ${how}`))]);
    this.#server.requests.length = 0;
    return error;
  }
}

test('a random resource is acknowledged or refused by both', async (t) => {
  const clients = await Promise.all([Client.start(t, 'envoy'), Client.start(t, 'fairlead')]);
  const different: string[] = [];
  let [good, bad] = [0, 0];
  for (let round = 0; good < WANTED || bad < WANTED; round++) {
    assert.ok(round < WANTED * 2, `${good} good and ${bad} bad ones after ${round} rounds`);
    for (const [type, arbitrary] of Object.entries(KINDS) as [ResourceType, fc.Arbitrary<Json>][]) {
      const [tree] = fc.sample(arbitrary, { numRuns: 1, seed: SEED + round });
      const [envoy, ours] = await Promise.all(clients.map((client) => client.verdict(type, tree)));
      if (envoy === '') good++;
      else bad++;
      const explained = envoy === '' && EXPLAINED.test(ours);
      if ((envoy === '') !== (ours === '') && !explained)
        different.push(`${type} ${JSON.stringify(tree)}\n  Envoy: ${envoy || 'taken'}\n  ours: ${ours || 'taken'}`);
    }
  }
  t.diagnostic(`${good} good ones, ${bad} bad ones`);
  assert.ok(different.length === 0, different.join('\n'));
});
