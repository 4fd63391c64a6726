/**
 * Who the client is, and what of `x-forwarded-*` and `x-envoy-*` may pass: by listener option and by what the request brings.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers.
 */
import type { Json } from '#testing/bootstrap.ts';
import { managersByRequests } from './managers-by-requests.ts';

const INTERNAL = {
  internal_address_config: {
    cidr_ranges: [
      { address_prefix: '127.0.0.0', prefix_len: 8 },
      { address_prefix: '10.0.0.0', prefix_len: 8 },
    ],
  },
};

const MANAGERS: Record<string, Json> = {
  default: {},
  edge: { use_remote_address: true },
  'edge, one hop': { use_remote_address: true, xff_num_trusted_hops: 1 },
  'edge, two hops': { use_remote_address: true, xff_num_trusted_hops: 2 },
  'one hop': { xff_num_trusted_hops: 1 },
  'edge, skip': { use_remote_address: true, skip_xff_append: true },
  skip: { skip_xff_append: true },
  'edge, internal': { use_remote_address: true, ...INTERNAL },
  internal: INTERNAL,
  'edge, mapped': { use_remote_address: true, represent_ipv4_remote_address_as_ipv4_mapped_ipv6: true },
  via: { via: 'here' },
  port: { use_remote_address: true, append_x_forwarded_port: true },
  'scheme to https': { scheme_header_transformation: { scheme_to_overwrite: 'https' } },
  'user agent': { add_user_agent: true },
};

const REQUESTS: Record<string, string[]> = {
  nothing: [],
  'one address': ['x-forwarded-for: 1.2.3.4'],
  'an internal address': ['x-forwarded-for: 10.1.2.3'],
  'several addresses': ['x-forwarded-for: 1.1.1.1, 10.0.0.1,2.2.2.2 , 3.3.3.3'],
  'several fields': ['x-forwarded-for: 1.1.1.1', 'x-forwarded-for: 2.2.2.2'],
  'a v6 address': ['x-forwarded-for: 2001:db8::1'],
  'not an address': ['x-forwarded-for: unknown'],
  'an address with a port': ['x-forwarded-for: 1.2.3.4:80'],
  'an empty address': ['x-forwarded-for:'],
  'scheme https': ['x-forwarded-proto: https'],
  'scheme in upper case': ['x-forwarded-proto: HTTPS'],
  'unknown scheme': ['x-forwarded-proto: ftp'],
  'forwarded host and port': ['x-forwarded-host: other.test', 'x-forwarded-port: 81'],
  'internal mark': ['x-envoy-internal: true'],
  'external address': ['x-envoy-external-address: 9.9.9.9', 'x-forwarded-for: 8.8.8.8'],
  'headers that steer': [
    'x-envoy-max-retries: 3',
    'x-envoy-retry-on: 5xx',
    'x-envoy-upstream-rq-timeout-ms: 900',
    'x-envoy-upstream-rq-per-try-timeout-ms: 300',
    'x-envoy-upstream-alt-stat-name: other',
    'x-envoy-force-trace: 1',
    'x-envoy-decorator-operation: op',
    'x-envoy-original-path: /was',
    'x-envoy-expected-rq-timeout-ms: 17',
    'x-envoy-hedge-on-per-try-timeout: true',
    'x-envoy-retriable-status-codes: 418',
    'x-envoy-retriable-header-names: x-again',
    'x-envoy-is-timeout-retry: true',
    'x-envoy-ip-tags: tag',
    'x-envoy-attempt-count: 5',
  ],
  'its downstream': [
    'x-envoy-downstream-service-cluster: front',
    'x-envoy-downstream-service-node: n1',
    'user-agent: me',
  ],
  'the same from an internal client': [
    'x-forwarded-for: 10.0.0.9',
    'x-envoy-max-retries: 3',
    'x-envoy-upstream-rq-timeout-ms: 900',
    'x-envoy-internal: false',
  ],
  'a via': ['via: 1.1 there'],
  'an upstream service time': ['x-envoy-upstream-service-time: 3', 'x-envoy-upstream-canary: true'],
};

managersByRequests(
  "the client's address, scheme and x-envoy headers are taken, passed or removed as Envoy does",
  MANAGERS,
  REQUESTS,
);
