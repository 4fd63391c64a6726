/**
 * A host with several addresses: which of them is connected to, and what is said of it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/happy_eyeballs
 */
import { test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import { type Json, routeTo, socketAddress, staticCluster, withRoutes } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { get } from './subject.ts';

/** Addresses of the loopback where nobody listens on the upstream's port. */
const NOBODY = ['127.0.0.77', '127.0.0.78'];

/** A cluster of one host at these addresses, the first one its own. */
function manyAddresses(name: string, port: number, [first, ...others]: string[], more: Json = {}): Json {
  const endpoint = {
    address: socketAddress(port, first),
    additional_addresses: others.map((address) => ({ address: socketAddress(port, address) })),
  };
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] };
  return staticCluster(name, [], { load_assignment, ...more });
}

test('connections begin with the family that is to be first', async (t) => {
  const first = (first_address_family_version: string, addresses: string[]) => (port: number) =>
    manyAddresses(first_address_family_version.toLowerCase(), port, addresses, {
      upstream_connection_options: { happy_eyeballs_config: { first_address_family_version } },
    });
  const clusters = [first('V4', ['::1', '127.0.0.1']), first('V6', ['127.0.0.1', '::1'])];
  await compare(t, {
    upstreams: { c: byPath({ '/': answer('fine') }) },
    bootstrap: ({ c }) =>
      withRoutes(
        [routeTo('/v4', 'v4'), routeTo('/v6', 'v6')],
        clusters.map((cluster) => cluster(c)),
      ),
    // Nobody listens at ::1: who begins there makes two connections.
    counters: /^cluster\.\w+\.upstream_cx_total$/,
    cases: [
      { name: 'IPv4 first', send: get('/v4'), status: 200 },
      { name: 'IPv6 first', send: get('/v6'), status: 200 },
    ],
  });
});

const CLUSTERS: Record<string, string[]> = {
  first: ['127.0.0.1', NOBODY[0]],
  second: [NOBODY[0], '127.0.0.1'],
  third: [...NOBODY, '127.0.0.1'],
  none: NOBODY,
};
const from = (address: string, more: Json = {}): Json => ({
  upstream_bind_config: { source_address: { address, port_value: 0 }, ...more },
});
/** Where connections start from. */
const SOURCES: Record<string, Json> = {
  bound: from('127.0.0.7'),
  unbound: from('192.0.2.1'),
  'other-family': from('::1'),
  either: from('::1', { additional_source_addresses: [{ address: '127.0.0.7', port_value: 0 }] }),
};

test('each attempt starts from the source of its family, as by Envoy', async (t) => {
  await compare(t, {
    upstreams: { c: byPath({ '/': answer('fine') }) },
    bootstrap: ({ c }) =>
      withRoutes(
        [...Object.keys(SOURCES), 'optioned'].map((name) => routeTo(`/${name}`, name)),
        [
          ...Object.entries(SOURCES).map(([name, more]) => manyAddresses(name, c, CLUSTERS.third, more)),
          // With options the first address alone is tried.
          manyAddresses(
            'optioned',
            c,
            CLUSTERS.first,
            from('127.0.0.7', { socket_options: [{ level: 1, name: 9, int_value: 1 }] }),
          ),
        ],
      ),
    counters: /^cluster\.[\w-]+\.(upstream_cx_(total|connect_fail|destroy\w*)|bind_errors)$/,
    cases: [...Object.keys(SOURCES), 'optioned'].map((name) => ({
      name,
      send: get(`/${name}`),
      status: name === 'unbound' || name === 'other-family' ? 503 : 200,
    })),
  });
});

test('the first address that accepts is used, as by Envoy', async (t) => {
  await compare(t, {
    upstreams: { c: byPath({ '/': answer('fine') }) },
    bootstrap: ({ c }) =>
      withRoutes(
        Object.keys(CLUSTERS).map((name) => routeTo(`/${name}`, name)),
        Object.entries(CLUSTERS).map(([name, addresses]) => manyAddresses(name, c, addresses)),
      ),
    counters:
      /^cluster\.\w+\.upstream_(cx_(total|active|connect_fail|connect_timeout|destroy\w*)|rq_(total|pending_total|pending_failure_eject))$/,
    cases: [
      { name: 'the first accepts', send: get('/first'), status: 200 },
      { name: 'the second accepts', send: get('/second'), status: 200 },
      { name: 'the third accepts', send: get('/third'), status: 200 },
      { name: 'none accepts', send: get('/none'), status: 503 },
    ],
  });
});
