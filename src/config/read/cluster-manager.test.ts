import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, socketAddress, staticCluster } from '#testing/bootstrap.ts';
import { errorsOf, load } from '#testing/load-config.ts';

const bind = (address: string) => ({ upstream_bind_config: { source_address: { address, port_value: 0 } } });

test('every cluster binds as the cluster manager says, unless it says otherwise itself', () => {
  const clusters = [staticCluster('a', [1]), staticCluster('b', [1], bind('127.0.0.3'))];
  const { snapshot } = load(bootstrap([], clusters, { cluster_manager: bind('127.0.0.2') }));
  assert.deepEqual(
    snapshot.clusters.map((cluster) => cluster.bind?.sourceAddress),
    ['127.0.0.2', '127.0.0.3'],
  );
});

test('the local cluster is one that there is', () => {
  const manager = { cluster_manager: { local_cluster_name: 'a' } };
  assert.equal(load(bootstrap([], [staticCluster('a', [])], manager)).snapshot.clusterManager.localClusterName, 'a');
  assert.deepEqual(errorsOf(bootstrap([], [staticCluster('b', [])], manager)), [
    "cluster_manager.local_cluster_name: local cluster 'a' must be defined",
  ]);
});

test('no two clusters have one name', () => {
  assert.deepEqual(errorsOf(bootstrap([], [staticCluster('a', []), staticCluster('a', [])])), [
    "static_resources.clusters[1].name: cluster manager: duplicate cluster 'a'",
  ]);
});

test('outlier detection is refused', () => {
  const manager = { outlier_detection: { event_log_path: '/dev/null' } };
  const errors = errorsOf({ cluster_manager: manager, admin: { address: socketAddress(0) } }).join('\n');
  assert.match(errors, /cluster_manager\.outlier_detection: field 'outlier_detection' is not supported/);
});

test('load is reported to one gRPC service of the bootstrap', () => {
  const service = (cluster_name: string) => ({ envoy_grpc: { cluster_name } });
  const config = (load_stats_config: object) =>
    bootstrap([], [staticCluster('a', [])], { cluster_manager: { load_stats_config } });
  const { loadStats } = load(config({ api_type: 'GRPC', grpc_services: [service('a')] })).snapshot.clusterManager;
  assert.equal(loadStats?.clusterName, 'a');
  const wrong = (more: object) => errorsOf(config(more)).join();
  assert.match(wrong({ api_type: 'GRPC', grpc_services: [service('a'), service('a')] }), /to one gRPC service/);
  assert.match(wrong({ api_type: 'GRPC', grpc_services: [service('b')] }), /'b' does not exist/);
  assert.match(wrong({ api_type: 'REST', cluster_names: ['a'], refresh_delay: '1s' }), /over gRPC/);
});
