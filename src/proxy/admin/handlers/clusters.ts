/** `/clusters`: every cluster, its limits, and each of its hosts with what it did. Follows admin.v3.Clusters. */
import { addressText } from '#config/model/address.ts';
import { addressTree } from '#proxy/admin/address-tree.ts';
import type { ClusterStatus, HostCounter, HostStatus } from '#proxy/admin/context.ts';
import { type AdminHandler, json, text } from '#proxy/admin/handler.ts';
import { regexFilter } from '#proxy/admin/regex-filter.ts';
import type { LimitsNow } from '#proxy/upstream/circuit-breakers.ts';
import { HealthFlag, healthFlagsText } from '#proxy/upstream/host-health.ts';

/** In the order of the text form. */
const COUNTERS: HostCounter[] = [
  'cx_active',
  'cx_connect_fail',
  'cx_total',
  'rq_active',
  'rq_error',
  'rq_pending_active',
  'rq_success',
  'rq_timeout',
  'rq_total',
];
const isGauge = (name: HostCounter) => name.endsWith('_active');

export const clusters: AdminHandler = {
  path: '/clusters',
  help: 'upstream cluster status',
  parameters: [
    { name: 'filter', help: 'a regular expression (RE2) that names of clusters must match' },
    { name: 'format', help: 'the form of the answer', options: ['text', 'json'] },
  ],
  answer({ params }, context) {
    const filter = regexFilter(params.get('filter'));
    if ('problem' in filter) return text('Invalid re2 regex', 400);
    const shown = context.clusters().filter((cluster) => filter.keeps(cluster.name));
    if (params.get('format') === 'json') return json({ cluster_statuses: shown.map(clusterTree) });
    return text(shown.map(clusterText).join(''));
  },
};

function clusterText(cluster: ClusterStatus): string {
  const lines: [string, string | number | boolean][] = [['observability_name', cluster.observabilityName]];
  for (const [name, limits] of [
    ['default_priority', cluster.circuitBreakers.DEFAULT],
    ['high_priority', cluster.circuitBreakers.HIGH],
  ] as const) {
    lines.push(
      [`${name}::max_connections`, limits.maxConnections],
      [`${name}::max_pending_requests`, limits.maxPendingRequests],
      [`${name}::max_requests`, limits.maxRequests],
      [`${name}::max_retries`, limits.maxRetries],
    );
  }
  lines.push(['added_via_api', cluster.addedViaApi]);
  if (cluster.edsServiceName !== '') lines.push(['eds_service_name', cluster.edsServiceName]);
  for (const host of cluster.hosts) {
    const address = addressText(host.address);
    for (const [name, value] of hostLines(host)) lines.push([`${address}::${name}`, value]);
  }
  return lines.map(([name, value]) => `${cluster.name}::${name}::${value}\n`).join('');
}

function hostLines(host: HostStatus): [string, string | number | boolean][] {
  return [
    ...COUNTERS.map((name): [string, number] => [name, host.counter(name)]),
    ['hostname', host.hostname],
    ['health_flags', healthFlagsText(host.healthFlags)],
    ['weight', host.weight],
    ['region', host.locality.region],
    ['zone', host.locality.zone],
    ['sub_zone', host.locality.subZone],
    ['canary', host.canary],
    ['priority', host.priority],
    // Outlier detection fills these in; without it Envoy says -1.
    ['success_rate', -1],
    ['local_origin_success_rate', -1],
  ];
}

function clusterTree(cluster: ClusterStatus) {
  return {
    name: cluster.name,
    ...(cluster.addedViaApi && { added_via_api: true }),
    ...(cluster.hosts.length > 0 && { host_statuses: cluster.hosts.map(hostTree) }),
    circuit_breakers: {
      thresholds: [
        thresholdsTree(cluster.circuitBreakers.DEFAULT),
        { priority: 'HIGH', ...thresholdsTree(cluster.circuitBreakers.HIGH) },
      ],
    },
    observability_name: cluster.observabilityName,
    ...(cluster.edsServiceName !== '' && { eds_service_name: cluster.edsServiceName }),
  };
}

function thresholdsTree(limits: LimitsNow) {
  return {
    max_connections: limits.maxConnections,
    max_pending_requests: limits.maxPendingRequests,
    max_requests: limits.maxRequests,
    max_retries: limits.maxRetries,
  };
}

function hostTree(host: HostStatus) {
  const { region, zone, subZone } = host.locality;
  return {
    address: addressTree(host.address),
    // Counters come before gauges, and a zero is not printed.
    stats: [...COUNTERS.filter((name) => !isGauge(name)), ...COUNTERS.filter(isGauge)].map((name) => ({
      ...(isGauge(name) && { type: 'GAUGE' }),
      ...(host.counter(name) !== 0 && { value: String(host.counter(name)) }),
      name,
    })),
    health_status: healthTree(host.healthFlags),
    weight: host.weight,
    ...(host.hostname !== '' && { hostname: host.hostname }),
    ...(host.priority !== 0 && { priority: host.priority }),
    locality: { ...(region && { region }), ...(zone && { zone }), ...(subZone && { sub_zone: subZone }) },
  };
}

/** Follows admin.v3.HostHealthStatus. */
function healthTree(flags: number) {
  const has = (flag: number) => (flags & flag) !== 0;
  return {
    ...(has(HealthFlag.FailedActiveHc) && { failed_active_health_check: true }),
    ...(has(HealthFlag.FailedOutlierCheck) && { failed_outlier_check: true }),
    ...(has(HealthFlag.DegradedActiveHc) && { failed_active_degraded_check: true }),
    ...(has(HealthFlag.PendingDynamicRemoval) && { pending_dynamic_removal: true }),
    ...(has(HealthFlag.PendingActiveHc) && { pending_active_hc: true }),
    ...(has(HealthFlag.ExcludedViaImmediateHcFail) && { excluded_via_immediate_hc_fail: true }),
    ...(has(HealthFlag.ActiveHcTimeout) && { active_hc_timeout: true }),
    eds_health_status: edsHealth(flags),
  };
}

function edsHealth(flags: number): string {
  if ((flags & HealthFlag.EdsStatusDraining) !== 0) return 'DRAINING';
  if ((flags & HealthFlag.FailedEdsHealth) !== 0) return 'UNHEALTHY';
  if ((flags & HealthFlag.DegradedEdsHealth) !== 0) return 'DEGRADED';
  return 'HEALTHY';
}
