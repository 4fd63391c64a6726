/** Policies that stand at clusters, in HttpProtocolOptions, in place of those of their routes; and copies of requests: ours and real Envoy. */
import { test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  httpProtocolOptions,
  type Json,
  routeConfig,
  staticCluster,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { compare } from './compare.ts';
import { type Case, get, post } from './subject.ts';

const FAILED = answer({ status: 503 });
const BACK_OFF = { retry_back_off: { base_interval: '0.001s', max_interval: '0.001s' } };

const CLUSTERS: Record<string, Json> = {
  retries: { retry_policy: { retry_on: '5xx', num_retries: 2, ...BACK_OFF } },
  // Timeouts of a try are those of the route's policy all the same.
  hurries: { retry_policy: { retry_on: '5xx', per_try_timeout: '0.001s', ...BACK_OFF } },
  'does not': { retry_policy: {} },
  mirrors: { request_mirror_policies: [{ cluster: 'copies' }] },
};
const ROUTED = { retry_policy: { retry_on: '5xx', num_retries: 1, ...BACK_OFF } };
const COPIED = { request_mirror_policies: [{ cluster: 'other copies' }] };

const ROUTES: Record<string, Json> = {
  '/retries': { cluster: 'retries' },
  '/own-retries': { cluster: 'retries', ...ROUTED },
  '/hurries': { cluster: 'hurries' },
  '/does-not': { cluster: 'does not', ...ROUTED },
  '/mirrors': { cluster: 'mirrors' },
  '/own-mirrors': { cluster: 'mirrors', ...COPIED },
  '/copied': { cluster: 'plain', ...COPIED },
  '/same-host': {
    cluster: 'plain',
    request_mirror_policies: [{ cluster: 'other copies', disable_shadow_host_suffix_append: true }],
  },
  '/host': {
    cluster: 'plain',
    request_mirror_policies: [{ cluster: 'other copies', host_rewrite_literal: 'copy.test:81' }],
  },
};

/** Sends, and waits for the copy. */
const copied = (name: string, bytes: string, to: string): Case => ({
  name,
  async send(wire, { upstreams }) {
    const before = upstreams[to].requests.length;
    await wire.send(bytes);
    await eventually('the copy came', () => upstreams[to].requests.length > before);
  },
});

test('the policies of a cluster go before those of its routes', async (t) => {
  await compare(t, {
    upstreams: {
      c: byPath({
        '/retries': FAILED,
        '/own-retries': FAILED,
        '/hurries': answer('fine'),
        '/does-not': FAILED,
        '/': answer('fine'),
      }),
      copies: answer('unseen'),
      'other copies': answer('unseen'),
    },
    bootstrap: (ports) =>
      bootstrap(
        [
          httpListener({
            manager: routeConfig(
              Object.entries(ROUTES).map(([prefix, route]) => ({
                match: { prefix },
                route: { timeout: '0s', ...route },
              })),
            ),
          }),
        ],
        [
          ...Object.entries(CLUSTERS).map(([name, more]) => staticCluster(name, [ports.c], httpProtocolOptions(more))),
          staticCluster('plain', [ports.c]),
          staticCluster('copies', [ports.copies]),
          staticCluster('other copies', [ports['other copies']]),
        ],
      ),
    cases: [
      ...['/retries', '/own-retries', '/hurries', '/does-not'].map((path) => ({ name: path, send: get(path) })),
      copied('a copy', get('/mirrors'), 'copies'),
      copied('a copy not of the route', get('/own-mirrors'), 'copies'),
      copied("a route's copy", get('/copied', 'x-forwarded-for: 1.2.3.4'), 'other copies'),
      copied('a copy with a body', post('/copied', 'hello'), 'other copies'),
      copied('a copy for the same host', get('/same-host'), 'other copies'),
      copied('a copy for another host', get('/host'), 'other copies'),
    ],
    counters:
      /^cluster\..*\.(upstream_rq_(retry|total|completed)|(internal|external)\.upstream_rq_completed)$|async-client.rq_total/,
  });
});
