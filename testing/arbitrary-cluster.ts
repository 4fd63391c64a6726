/**
 * Random clusters and assignments of endpoints, about half of them good: each field is seldom wrong, so that what is wrong is mostly alone.
 * Only with fields that Fairlead honours. Follows config.cluster.v3 and config.endpoint.v3.
 */
import fc from 'fast-check';
import { type Any, all, few, rarely, seldom, some, together } from '#testing/arbitrary-fields.ts';
import { type Json, socketAddress, typed } from '#testing/bootstrap.ts';

const HTTP = 'extensions.upstreams.http.v3.HttpProtocolOptions';
const RAW = typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer');
const POLICIES = 'extensions.load_balancing_policies';

const time = seldom(['1s', '15s', '0.5s'], ['0s', '-1s', '0.0005s'], 20);
const count = fc.integer({ min: 0, max: 3 });
const address = seldom(
  [socketAddress(80), socketAddress(0), socketAddress(81, '::1'), { pipe: { path: '/a' } }],
  [socketAddress(70_000), socketAddress(80, 'here'), {}, socketAddress(80, '')],
  30,
);
const endpoint = together(
  all({ endpoint: all({ address }) }),
  some({
    load_balancing_weight: seldom([1, 2], [0], 10),
    health_status: fc.constantFrom('HEALTHY', 'UNHEALTHY', 'DRAINING', 'DEGRADED'),
    metadata: fc.constant({ filter_metadata: { a: { b: 1 } } }),
  }),
);
const zone = fc.constantFrom('z', 'y');
const locality = together(
  all({ lb_endpoints: fc.array(endpoint, { maxLength: 3 }) }),
  some({
    locality: all({ zone }),
    priority: seldom([0, 1], [129, 3], 20),
    load_balancing_weight: seldom([1, 5], [0], 20),
  }),
);
const policy = some({
  overprovisioning_factor: seldom([100, 140], [0], 10),
  endpoint_stale_after: time,
  weighted_priority_health: fc.boolean(),
  drop_overloads: few(
    all({ category: seldom(['x'], ['']), drop_percentage: all({ numerator: fc.constantFrom(0, 5, 101) }) }),
  ),
});
const members = together(
  all({ endpoints: fc.array(locality, { maxLength: 2 }) }),
  rarely(all({ policy })),
) as fc.Arbitrary<Json>;

/** An assignment for a cluster. */
export function arbitraryAssignment(cluster: string): fc.Arbitrary<Json> {
  return members.map((fields) => ({ cluster_name: cluster, ...fields }));
}

const thresholds = some({
  priority: fc.constantFrom('DEFAULT', 'HIGH'),
  max_connections: count,
  max_requests: count,
  max_retries: count,
  track_remaining: fc.boolean(),
  retry_budget: some({
    budget_percent: all({ value: seldom([20, 100], [101, -1], 10) }),
    min_retry_concurrency: count,
  }),
});
const common = some({
  idle_timeout: time,
  max_connection_duration: time,
  max_headers_count: seldom([1, 100], [0], 10),
  max_requests_per_connection: count,
});
const http1 = some({ accept_http_10: fc.boolean(), enable_trailers: fc.boolean() });
const http2 = some({
  max_concurrent_streams: seldom([1, 100], [0, 2_147_483_648], 5),
  initial_stream_window_size: seldom([65_535, 100_000], [65_534, 2_147_483_648], 10),
  max_outbound_frames: seldom([10], [0], 10),
});
const explicit = fc.oneof(
  all({ http_protocol_options: http1 }),
  all({ http2_protocol_options: http2 }),
  seldom([{ http_protocol_options: {} }], [{}], 10),
);
const protocols = fc
  .oneof(
    all({ explicit_http_config: explicit }),
    all({ use_downstream_protocol_config: some({ http_protocol_options: http1, http2_protocol_options: http2 }) }),
    seldom(
      [{ explicit_http_config: { http_protocol_options: {} } }],
      [{}, { auto_config: {} }],
      10,
    ) as fc.Arbitrary<Json>,
  )
  .chain((kind) => rarely(all({ common_http_protocol_options: common })).map((more) => ({ ...kind, ...more })))
  .map((options) => ({ typed_extension_protocol_options: { [`envoy.${HTTP}`]: typed(HTTP, options) } }));

function policies(type: string, fields: fc.Arbitrary<Json>): Any {
  return fields.map((inside) => ({
    policies: [{ typed_extension_config: { name: 'p', typed_config: typed(`${POLICIES}.${type}`, inside) } }],
  }));
}
const tableSize = seldom([65_537, 7], [4, 5_000_012], 10);
const balancing = fc.oneof(
  all({
    lb_policy: seldom(['ROUND_ROBIN', 'RANDOM', 'MAGLEV'], ['CLUSTER_PROVIDED', 'LOAD_BALANCING_POLICY_CONFIG'], 20),
  }),
  all({
    lb_policy: fc.constantFrom('LEAST_REQUEST', 'RANDOM'),
    least_request_lb_config: some({ choice_count: seldom([2, 5], [1], 10) }),
  }),
  all({
    lb_policy: fc.constantFrom('RING_HASH'),
    ring_hash_lb_config: some({
      minimum_ring_size: seldom([8, 1024], [9_000_000, 3000], 10),
      maximum_ring_size: seldom([2048], [9_000_000], 10),
    }),
  }),
  all({ lb_policy: fc.constantFrom('MAGLEV'), maglev_lb_config: some({ table_size: tableSize }) }),
  all({ load_balancing_policy: policies('round_robin.v3.RoundRobin', fc.constant({})) }),
  all({ load_balancing_policy: policies('maglev.v3.Maglev', some({ table_size: tableSize })) }),
  all({
    load_balancing_policy: policies('least_request.v3.LeastRequest', some({ choice_count: seldom([2, 5], [1], 10) })),
  }),
);
const commonBalancing = together(
  some({ healthy_panic_threshold: all({ value: seldom([0, 50], [101, -1], 10) }) }),
  fc.oneof(
    all({ locality_weighted_lb_config: fc.constant({}) }),
    all({
      zone_aware_lb_config: some({
        min_cluster_size: count,
        routing_enabled: all({ value: seldom([50], [101], 10) }),
      }),
    }),
  ),
);
const found = fc.oneof(
  all({ type: fc.constant('STATIC'), load_assignment: arbitraryAssignment('c') }),
  all({ type: fc.constantFrom('STRICT_DNS', 'LOGICAL_DNS'), load_assignment: arbitraryAssignment('c') }).map(
    (fields): Json => ({ ...fields, dns_lookup_family: 'V4_ONLY' }),
  ),
  seldom(
    [{ type: 'STATIC' }, { type: 'STRICT_DNS' }],
    [{ type: 'LOGICAL_DNS' }, { type: 'EDS' }],
    20,
  ) as fc.Arbitrary<Json>,
);

/** A cluster with the name `c`. */
export const arbitraryCluster = together(
  fc.constant<Json>({ name: 'c', connect_timeout: '1s' }),
  found,
  rarely(balancing as fc.Arbitrary<Json>),
  rarely(protocols as fc.Arbitrary<Json>),
  rarely(
    some({
      connect_timeout: time,
      per_connection_buffer_limit_bytes: count,
      max_requests_per_connection: count,
      alt_stat_name: fc.constantFrom('', 'other'),
      dns_refresh_rate: time,
      circuit_breakers: all({ thresholds: few(thresholds) }),
      common_lb_config: commonBalancing,
      preconnect_policy: some({
        per_upstream_preconnect_ratio: seldom([1, 1.5], [4, 0.5], 10),
        predictive_preconnect_ratio: seldom([1, 2], [3.5, 0.5], 10),
      }),
      transport_socket: seldom([{ name: 'raw', typed_config: RAW }], [{ name: 'mine' }, {}], 10),
      upstream_connection_options: some({ tcp_keepalive: some({ keepalive_time: count, keepalive_probes: count }) }),
    }),
  ),
);
