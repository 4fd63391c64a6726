/** What happens at the limits of a cluster. Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking. */
import { test } from 'node:test';
import { answer, byPath, hang, inTurn } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  withRoutes,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { compare } from './compare.ts';
import { alike } from './compare-tcp.ts';
import { type Case, get } from './subject.ts';

const LIMITS: Record<string, Json> = {
  requests: { max_requests: 1 },
  pending: { max_connections: 1, max_pending_requests: 1 },
  none: { max_connections: 1, max_pending_requests: 0 },
  connections: { max_connections: 1 },
  retries: { max_retries: 0 },
  pools: { max_connection_pools: 1 },
  places: { max_connection_pools: 1 },
};

const limited = (name: string, port: number): Json =>
  // Two hosts, of which one alone may have a pool.
  staticCluster(name, name === 'places' ? [port, port] : [port], {
    circuit_breakers: { thresholds: [{ priority: 'DEFAULT', track_remaining: true, ...LIMITS[name] }] },
  });
const RETRY = { retry_policy: { retry_on: '5xx', num_retries: 3 } };
/** What waits longest is let go first, so that a request that waits for it is not in doubt. */
const TIMEOUTS: Record<string, string> = { 'hang/1': '0.5s', 'hang/2': '0.3s', '': '3s' };
const routes = (name: string): Json[] =>
  Object.entries(TIMEOUTS).map(([path, timeout]) => ({
    match: { prefix: `/${name}/${path}` },
    route: { cluster: name, timeout, ...(name === 'retries' ? RETRY : {}) },
  }));

const CLOSING = get('/places/closing');

/** Other connections hold these targets until the route's timeout; then the case's own requests are sent. */
function behind(name: string, held: number, own = 1): Case['send'] {
  return async (wire, { proxy, connect }) => {
    await proxy.statBecomes('http.in.downstream_rq_active', 0);
    for (let i = 1; i <= held; i++) {
      await (await connect()).send(get(`/${name}/hang/${i}`));
      await proxy.statBecomes('http.in.downstream_rq_active', i);
    }
    await wire.send(get(`/${name}/fine`).repeat(own));
  };
}

test('beyond a limit a request is refused, or waits, as by Envoy', async (t) => {
  await compare(t, {
    upstreams: {
      c: byPath({
        '/': answer('fine'),
        '/requests/hang': hang,
        '/pending/hang': hang,
        '/none/hang': hang,
        '/connections/hang': hang,
        '/places/hang': hang,
        '/places/closing': answer({ headers: { connection: 'close' } }),
        '/retries/': inTurn(answer({ status: 503 }), answer('second')),
      }),
    },
    bootstrap: ({ c }) =>
      withRoutes(
        Object.keys(LIMITS).flatMap(routes),
        Object.keys(LIMITS).map((name) => limited(name, c)),
      ),
    counters:
      /^cluster\.\w+\.(circuit_breakers\.default\.(cx_open|rq_open|rq_pending_open|rq_retry_open|remaining_rq|remaining_pending|remaining_cx|remaining_cx_pools|remaining_retries|cx_pool_open)|upstream_rq_pending_overflow|upstream_rq_active_overflow|upstream_rq_retry_overflow|upstream_cx_overflow|upstream_cx_pool_overflow|upstream_rq_total|upstream_rq_(5xx|503))$/,
    cases: [
      { name: 'one request too many', send: behind('requests', 1), status: 503 },
      { name: 'the only one', send: behind('requests', 0), status: 200 },
      { name: 'one connection in use, one may wait', send: behind('connections', 1) },
      { name: 'one waits already', send: behind('pending', 2), status: 503 },
      { name: 'none may wait, and each waits while it connects', send: behind('none', 0), status: 503 },
      { name: 'no retry left', send: get('/retries/a'), status: 503 },
      { name: 'one pool is enough', send: get('/pools/a'), status: 200 },
      {
        name: 'the host in turn has no pool and no place for one, the next one has',
        send: behind('places', 1, 2),
        methods: ['GET', 'GET'],
        status: [503, 200],
      },
      {
        name: 'the place of a pool without connections is free',
        send: async (wire, { proxy }) => {
          await proxy.statBecomes('http.in.downstream_rq_active', 0);
          await wire.send(CLOSING + CLOSING + get('/places/fine') + get('/places/fine'));
        },
        methods: ['GET', 'GET', 'GET', 'GET'],
        status: [503, 200, 200, 503],
      },
    ],
  });
});

const changeable = (name: string, port: number): Json =>
  staticCluster(name, [port], {
    circuit_breakers: {
      thresholds: [
        { track_remaining: true, ...(name === 'budget' ? { retry_budget: { min_retry_concurrency: 1 } } : {}) },
      ],
    },
  });
/** What the runtime says, one after the other, and where a request goes then. */
const CHANGES: [values: string, path: string][] = [
  ['', '/plain/a'],
  ['circuit_breakers.plain.default.max_requests=0', '/plain/b'],
  ['circuit_breakers.plain.default.max_requests=9&circuit_breakers.plain.high.max_retries=8', '/plain/c'],
  ['', '/budget/failing'],
  ['circuit_breakers.budget.default.retry_budget.min_retry_concurrency=0', '/budget/failing'],
  ['circuit_breakers.plain.default.retry_budget.budget_percent=100', '/plain/failing'],
  ['circuit_breakers.plain.default.max_connections=1', '/plain/hang'],
];

alike('limits follow the runtime, and are told as they are', {
  upstreams: {
    c: (socket) =>
      void socket.on('data', (bytes: Buffer) => {
        const status = bytes.includes('/failing') ? '500 No' : '200 OK';
        if (!bytes.includes('/hang')) socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
      }),
  },
  bootstrap: ({ c }) => {
    const routes = ['plain', 'budget'].map((name) => {
      const route = routeTo(`/${name}`, name);
      return { ...route, route: { ...(route.route as Json), retry_policy: { retry_on: '5xx', num_retries: 1 } } };
    });
    return {
      ...bootstrap([httpListener({ manager: routeConfig(routes) })], [changeable('plain', c), changeable('budget', c)]),
      layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] },
    };
  },
  async run({ connect, proxy, note }) {
    const told = async (what: string) => {
      const lines = (await proxy.get('/clusters')).body.match(/^.*(::max_|rq_error|rq_pending_active).*$/gm);
      note(`${what}: ${lines?.sort().join(' ')}`);
    };
    for (const [values, path] of CHANGES) {
      if (values !== '') await proxy.admin.post(`/runtime_modify?${values}`);
      const wire = await connect();
      await wire.send(get(path));
      if (path === '/plain/hang') await proxy.statBecomes('cluster.plain.upstream_rq_active', 1);
      else note(`${path}: ${(await wire.response()).status}`);
      await told(values);
    }
    await (await connect()).send(get('/plain/waits'));
    await eventually('it waits', async () => (await proxy.stat('cluster.plain.upstream_rq_pending_active')) === 1);
    await told('one waits');
    note(JSON.stringify(await proxy.stats('circuit_breakers.default.(remaining_r|rq_retry_open)')));
  },
});
