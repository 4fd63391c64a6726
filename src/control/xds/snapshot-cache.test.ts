import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResources, resource } from '#control/xds/parse-resources.ts';
import { InconsistentSnapshot, SnapshotCache } from '#control/xds/snapshot-cache.ts';

const CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const RDS = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';

const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

const LISTENER = `
listeners:
- name: l
  address: {socket_address: {address: 127.0.0.1, port_value: 1}}
  filter_chains:
  - filters:
    - name: h
      typed_config: {"@type": ${HCM}, stat_prefix: h, rds: {route_config_name: r, config_source: {ads: {}}}}
    transport_socket:
      name: tls
      typed_config: {"@type": ${TLS}, common_tls_context: {tls_certificate_sds_secret_configs: [{name: s, sds_config: {ads: {}}}]}}
`;

test('a set keeps its version while nothing in it changes, and each resource its own', () => {
  const cache = new SnapshotCache();
  const one = cache.set('', parseResources('clusters: [{name: a, type: STATIC}, {name: b, type: STATIC}]'));
  const same = cache.set('', parseResources('clusters: [{name: b, type: STATIC}, {name: a, type: STATIC}]'));
  assert.equal(same.sets.get(CDS), one.sets.get(CDS));
  const two = cache.set('', parseResources('clusters: [{name: a, type: STATIC}, {name: b, type: STRICT_DNS}]'));
  assert.equal(two.sets.get(CDS)?.version, '2');
  assert.equal(two.sets.get(RDS)?.version, '1');
  assert.deepEqual(
    [...(two.sets.get(CDS)?.resources.values() ?? [])].map(({ name, version }) => `${name} ${version}`),
    ['a 1', 'b 2'],
  );
});

test('whatever is asked for and not there is named, all of it, and what was there stays', () => {
  const cache = new SnapshotCache();
  const good = cache.set('', parseResources('clusters: [{name: a, type: STATIC}]'));
  const text = `${LISTENER}\nclusters: [{name: a, type: EDS, eds_cluster_config: {eds_config: {ads: {}}, service_name: e}}]`;
  assert.throws(
    () => cache.set('', parseResources(text)),
    (error: InconsistentSnapshot) => {
      assert.deepEqual(error.missing, [
        "Cluster 'a' asks for ClusterLoadAssignment 'e', which is not there",
        "Listener 'l' asks for RouteConfiguration 'r', which is not there",
        "Listener 'l' asks for Secret 's', which is not there",
      ]);
      return error instanceof InconsistentSnapshot;
    },
  );
  assert.equal(cache.get(''), good);
});

test('names that come from elsewhere are not asked for here', () => {
  const cache = new SnapshotCache();
  cache.set(
    '',
    parseResources(
      'clusters: [{name: a, type: EDS, eds_cluster_config: {eds_config: {path_config_source: {path: /e}}}}]',
    ),
  );
});

test('each group has its own, and its nodes hear of it until they leave', () => {
  const cache = new SnapshotCache(({ cluster }) => cluster);
  const heard: string[] = [];
  const leave = cache.subscribe('east', () => heard.push('east'));
  cache.subscribe('west', () => heard.push('west'));
  cache.set(cache.groupOf({ id: 'n', cluster: 'east' }), [resource({ '@type': CDS, name: 'c', type: 'STATIC' })]);
  assert.deepEqual(heard, ['east']);
  assert.equal(cache.get('west'), undefined);
  leave();
  cache.set('east', []);
  assert.deepEqual(heard, ['east']);
});

test('two resources of a type with one name are refused', () => {
  const cache = new SnapshotCache();
  const one = resource({ '@type': CDS, name: 'c', type: 'STATIC' });
  assert.throws(() => cache.set('', [one, one]), /two resources 'c'/);
});
