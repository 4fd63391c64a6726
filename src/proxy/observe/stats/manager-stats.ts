/**
 * The stats of what the main thread manages: clusters, listeners, name resolution, log files, overload.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats,
 * .../configuration/listeners/stats#listener-manager, .../configuration/operations/tools/... and .../overload_manager.
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type ClusterManagerStats = ReturnType<typeof clusterManagerStats>;
export type ListenerManagerStats = ReturnType<typeof listenerManagerStats>;
export type DnsStats = ReturnType<typeof dnsStats>;
export type FilesystemStats = ReturnType<typeof filesystemStats>;
export type OverloadResourceStats = ReturnType<typeof overloadResourceStats>;

/** @param root the root of the main thread's stats, as for all of this file. */
export function clusterManagerStats(root: Scope) {
  const scope = root.scope('cluster_manager');
  return {
    activeClusters: scope.gauge('active_clusters'),
    warmingClusters: scope.gauge('warming_clusters'),
    clusterAdded: scope.counter('cluster_added'),
    clusterModified: scope.counter('cluster_modified'),
    clusterRemoved: scope.counter('cluster_removed'),
    clusterUpdated: scope.counter('cluster_updated'),
    clusterUpdatedViaMerge: scope.counter('cluster_updated_via_merge'),
    updateMergeCancelled: scope.counter('update_merge_cancelled'),
    updateOutOfMergeWindow: scope.counter('update_out_of_merge_window'),
  };
}

/** How many clusters a thread has built. @param thread `main_thread` or `worker_<n>`. */
export function clustersInflated(root: Scope, thread: string) {
  return root.scope(`thread_local_cluster_manager.${thread}`).gauge('clusters_inflated');
}

export function listenerManagerStats(root: Scope) {
  const scope = root.scope('listener_manager');
  return {
    listenerAdded: scope.counter('listener_added'),
    listenerModified: scope.counter('listener_modified'),
    listenerRemoved: scope.counter('listener_removed'),
    listenerStopped: scope.counter('listener_stopped'),
    listenerInPlaceUpdated: scope.counter('listener_in_place_updated'),
    /** Once for each worker that listens. */
    listenerCreateSuccess: scope.counter('listener_create_success'),
    /** The port could not be bound. */
    listenerCreateFailure: scope.counter('listener_create_failure'),
    totalListenersWarming: scope.gauge('total_listeners_warming'),
    totalListenersActive: scope.gauge('total_listeners_active'),
    totalListenersDraining: scope.gauge('total_listeners_draining'),
    totalFilterChainsDraining: scope.gauge('total_filter_chains_draining'),
    workersStarted: scope.gauge('workers_started'),
    workersPinned: scope.gauge('workers_pinned'),
  };
}

/** Made when something resolves names. */
export function dnsStats(root: Scope) {
  const scope = root.scope('dns.cares');
  return {
    resolveTotal: scope.counter('resolve_total'),
    pendingResolutions: scope.gauge('pending_resolutions'),
    notFound: scope.counter('not_found'),
    timeouts: scope.counter('timeouts'),
    getAddrFailure: scope.counter('get_addr_failure'),
    reinits: scope.counter('reinits'),
  };
}

/** Of files that are written in the background: access logs. Threads that write them each make their own share. */
export function filesystemStats(root: Scope) {
  const scope = root.scope('filesystem');
  return {
    /** Lines taken into a buffer. */
    writeBuffered: scope.counter('write_buffered'),
    /** Buffers written to a file. */
    writeCompleted: scope.counter('write_completed'),
    writeFailed: scope.counter('write_failed'),
    flushedByTimer: scope.counter('flushed_by_timer'),
    reopenFailed: scope.counter('reopen_failed'),
    /** Bytes in buffers now. */
    writeTotalBuffered: scope.gauge('write_total_buffered'),
  };
}

/** There even without an overload manager. */
export function overloadStats(root: Scope) {
  return {
    refreshIntervalDelay: root.scope('overload').histogram('refresh_interval_delay', 'Milliseconds'),
    resetHighMemoryStream: root.counter('envoy.overload_actions.reset_high_memory_stream.count'),
  };
}

/** @param monitor such as `envoy.resource_monitors.global_downstream_max_connections`. */
export function overloadResourceStats(root: Scope, monitor: string) {
  const scope = root.scope(`overload.${monitor}`);
  return {
    /** Whole percents of the limit. */
    pressure: scope.gauge('pressure'),
    failedUpdates: scope.counter('failed_updates'),
  };
}
