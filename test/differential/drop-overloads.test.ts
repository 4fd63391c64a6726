/** Requests that a cluster drops (ClusterLoadAssignment.Policy.drop_overloads). Follows config.endpoint.v3.ClusterLoadAssignment. */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  type Json,
  loadAssignment,
  routeConfig,
  routerFilter,
  routeTo,
  staticCluster,
  withRoutes,
} from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post } from './subject.ts';

/** Shares of requests to drop. */
const SHARES: Record<string, Json> = {
  all: { numerator: 100 },
  'all-of-a-million': { numerator: 1_000_000, denominator: 'MILLION' },
  // What is left is one in a million: a test will not see it.
  'nearly-all': { numerator: 999_999, denominator: 'MILLION' },
  none: { numerator: 0 },
  unset: {},
};

test('drop_overloads answers what it drops as Envoy does', async (t) => {
  const cases: Case[] = Object.keys(SHARES).map((name) => ({ name, listener: 'in', send: get(`/${name}`) }));
  cases.push(
    { name: 'a call of gRPC', listener: 'in', send: post('/all', '', 'content-type: application/grpc') },
    { name: 'with retries', listener: 'in', send: get('/all', 'x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 2') },
    { name: "without Envoy's headers", listener: 'suppressed', send: get('/all') },
    { name: 'nearly all without them', listener: 'suppressed', send: get('/nearly-all') },
    { name: 'with another stat name', listener: 'in', send: get('/all', 'x-envoy-upstream-alt-stat-name: other') },
  );
  const drops = (name: string, port: number, drop_percentage: Json): Json =>
    staticCluster(name, [port], {
      load_assignment: {
        ...loadAssignment(name, [port]),
        policy: { drop_overloads: [{ category: 'test', drop_percentage }] },
      },
    });
  const manager = routeConfig(
    Object.keys(SHARES).map((name) => ({
      match: { path: `/${name}` },
      route: { cluster: name },
      stat_prefix: name,
      response_headers_to_add: [{ header: { key: 'x-of-route', value: name } }],
    })),
    { virtual_clusters: [{ name: 'any', headers: [{ name: ':path', string_match: { prefix: '/' } }] }] },
  );
  await compare(t, {
    upstreams: { c: answer('hello') },
    bootstrap: ({ c }) =>
      bootstrap(
        [
          httpListener({ manager }),
          httpListener({
            name: 'suppressed',
            manager: {
              ...manager,
              stat_prefix: 'suppressed',
              http_filters: [routerFilter({ suppress_envoy_headers: true })],
            },
          }),
        ],
        Object.entries(SHARES).map(([name, share]) => drops(name, c, share)),
      ),
    counters: /^((cluster|vhost)\..*(upstream_rq_|other|internal|external|membership)|http\.in\.(rq_|downstream_rq_))/,
    cases,
  });
});

test('no more is dropped than the runtime lets go, as in Envoy', async (t) => {
  const policy = { drop_overloads: [{ category: 'test', drop_percentage: { numerator: 100 } }] };
  for (const limit of [0, 100])
    await t.test(`up to ${limit} %`, (t) =>
      compare(t, {
        upstreams: { c: answer('hello') },
        bootstrap: ({ c }) => ({
          ...withRoutes(
            [routeTo('/', 'c')],
            [staticCluster('c', [c], { load_assignment: { ...loadAssignment('c', [c]), policy } })],
          ),
          layered_runtime: {
            layers: [{ name: 's', static_layer: { load_balancing_policy: { drop_overload_limit: limit } } }],
          },
        }),
        cases: [{ name: 'a request', send: get('/'), status: limit === 0 ? 200 : 503 }],
      }),
    );
});
