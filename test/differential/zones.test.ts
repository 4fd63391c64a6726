/**
 * Routing by zone, which needs to know the local cluster and the proxy's own zone.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/zone_aware
 */
import { test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import { type Json, routeTo, socketAddress, staticCluster, typed, withRoutes } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { get } from './subject.ts';

/** A cluster with members by zone. */
function zoned(name: string, zones: Record<string, number[]>, more: Json = {}): Json {
  const endpoints = Object.entries(zones).map(([zone, ports]) => ({
    locality: { zone },
    lb_endpoints: ports.map((port) => ({ endpoint: { address: socketAddress(port) } })),
  }));
  return staticCluster(name, [], { load_assignment: { cluster_name: name, endpoints }, ...more });
}

const SMALL = { common_lb_config: { zone_aware_lb_config: { min_cluster_size: 1 } } };

test("requests stay in the proxy's own zone, as by Envoy", async (t) => {
  await compare(t, {
    upstreams: { near: byPath({ '/': answer('near') }), far: byPath({ '/': answer('far') }) },
    bootstrap: ({ near, far }) => ({
      ...withRoutes(
        [routeTo('/', 'c')],
        [zoned('c', { z1: [near], z2: [far] }, SMALL), zoned('us', { z1: [1], z2: [2] })],
      ),
      node: { id: 'n', cluster: 'us', locality: { zone: 'z1' } },
      cluster_manager: { local_cluster_name: 'us' },
    }),
    // How often zones are worked out anew (lb_recalculate_zone_structures) is not compared: 4 times in Envoy, 3 here.
    counters: /^cluster\.c\.(lb_(?!recalculate)\w+|upstream_rq_total|zone\..*)$/,
    cases: [1, 2, 3, 4].map((i) => ({ name: `request ${i}`, send: get('/'), status: 200 })),
  });
});

const byPolicy = (zones: Json): Json => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: 'round_robin',
          typed_config: typed('extensions.load_balancing_policies.round_robin.v3.RoundRobin', {
            locality_lb_config: { zone_aware_lb_config: { min_cluster_size: 1, ...zones } },
          }),
        },
      },
    ],
  },
});
/** The own zone has one host of four, and one proxy of two: half of the requests would stay. */
const PREFERRED: Record<string, Json> = {
  forced: { force_local_zone: {} },
  'too few': { force_local_zone: { min_size: 2 }, locality_basis: 'HEALTHY_HOSTS_WEIGHT' },
  direct: { force_locality_direct_routing: true },
  weighs: { locality_basis: 'HEALTHY_HOSTS_WEIGHT' },
};

/** Hosts of the own zone, which is first, weigh as much as three others. */
function withWeights(cluster: Json): Json {
  const { endpoints } = cluster.load_assignment as { endpoints: { lb_endpoints: Json[] }[] };
  for (const endpoint of endpoints[0].lb_endpoints) endpoint.load_balancing_weight = 3;
  return cluster;
}

test("the proxy's own zone may be preferred beyond its share, and shares may be weighed, as by Envoy", async (t) => {
  const names = Object.keys(PREFERRED);
  await compare(t, {
    upstreams: { near: byPath({ '/': answer('near') }), far: byPath({ '/': answer('far') }) },
    bootstrap: ({ near, far }) => ({
      ...withRoutes(
        names.map((name) => routeTo(`/${name.replace(' ', '-')}`, name)),
        [
          ...names.map((name) =>
            withWeights(zoned(name, { z1: [near], z2: [far, far, far] }, byPolicy(PREFERRED[name]))),
          ),
          zoned('us', { z1: [1], z2: [2] }),
        ],
      ),
      node: { id: 'n', cluster: 'us', locality: { zone: 'z1' } },
      cluster_manager: { local_cluster_name: 'us' },
    }),
    counters: /^cluster\.[\w ]+\.(lb_zone_routing\w+|upstream_rq_total|zone\..*)$/,
    cases: names.flatMap((name) =>
      [1, 2, 3].map((i) => ({ name: `${name} ${i}`, send: get(`/${name.replace(' ', '-')}`), status: 200 })),
    ),
  });
});
