/** Keys of the runtime that no field names. Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime. */
import { test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import { bootstrap, httpListener, routeTo, staticCluster, withRoutes } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get } from './subject.ts';

const ADMIN = { name: 'admin', admin_layer: {} };
const RETRY = { retry_policy: { retry_on: '5xx', num_retries: 2 } };

/** The request comes when the keys have these values. */
function when(keys: string, path: string, status: number): Case {
  return {
    name: `${path} with ${keys}`,
    send: async (wire, { proxy }) => {
      await proxy.admin.post(`/runtime_modify?${keys}`);
      await wire.send(get(path));
    },
    status,
  };
}

test('limits and retries follow the runtime while the proxy runs, as in Envoy', async (t) => {
  const limit = 'circuit_breakers.c.default';
  await compare(t, {
    upstreams: { c: byPath({ '/': answer('fine'), '/503': answer({ status: 503 }) }) },
    bootstrap: ({ c }) => ({
      ...withRoutes([routeTo('/', 'c', RETRY)], [staticCluster('c', [c])]),
      layered_runtime: { layers: [ADMIN] },
    }),
    counters:
      /^cluster\.c\.(upstream_rq_(retry\w*|total|active_overflow)|circuit_breakers\.default\.rq_(retry_)?open)$/,
    cases: [
      when(`${limit}.max_requests=0`, '/', 503),
      when(`${limit}.max_requests=`, '/', 200),
      when('upstream.use_retry=0', '/503', 503),
      when('upstream.use_retry=false', '/503', 503),
      when(`upstream.use_retry=&${limit}.max_retries=0`, '/503', 503),
      when(`${limit}.retry_budget.budget_percent=90`, '/503', 503),
      when(`${limit}.retry_budget.min_retry_concurrency=0`, '/503', 503),
      when(`${limit}.retry_budget.budget_percent=100.5`, '/503', 503),
    ],
  });
});

test('a connection manager that does not say what it does with paths does what the runtime says, as in Envoy', async (t) => {
  const paths = ['/a/../b', '/a%2fb//c'];
  const keys = { normalize_path: 100, path_with_escaped_slashes_action: 4 };
  const listeners = {
    silent: {},
    says: { normalize_path: false, path_with_escaped_slashes_action: 'REJECT_REQUEST' },
  };
  for (const enabled of [100, 0])
    await t.test(`enabled for ${enabled} %`, (t) =>
      compare(t, {
        upstreams: { c: answer('fine') },
        bootstrap: ({ c }) => {
          const all = { ...keys, path_with_escaped_slashes_action_enabled: enabled };
          const layers = [{ name: 'static', static_layer: { http_connection_manager: all } }];
          const made = Object.entries(listeners).map(([name, manager]) => httpListener({ name, manager }));
          return bootstrap(made, [staticCluster('c', [c])], { layered_runtime: { layers } });
        },
        cases: Object.keys(listeners).flatMap((listener) =>
          paths.map((path) => ({ name: `${listener}: ${path}`, listener, send: get(path) })),
        ),
      }),
    );
});
