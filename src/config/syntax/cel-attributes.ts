/**
 * The attributes that expressions may ask for. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes
 */

const tls = [
  'tls_version',
  'subject_local_certificate',
  'subject_peer_certificate',
  'uri_san_local_certificate',
  'uri_san_peer_certificate',
  'dns_san_local_certificate',
  'dns_san_peer_certificate',
  'sha256_peer_certificate_digest',
] as const;

/** By the variable that has them. */
export const CEL_ATTRIBUTES = {
  request: [
    ...['path', 'url_path', 'query', 'host', 'scheme', 'method', 'headers', 'headers_bytes', 'referer', 'useragent'],
    ...['time', 'id', 'protocol', 'duration', 'size', 'total_size'],
  ],
  response: [
    ...['code', 'code_details', 'flags', 'grpc_status', 'headers', 'headers_bytes', 'trailers', 'size', 'total_size'],
    'backend_latency',
  ],
  connection: [...['mtls', 'requested_server_name', 'id', 'termination_details', 'transport_failure_reason', ...tls]],
  upstream: [
    ...['address', 'port', 'local_address', 'locality', 'transport_failure_reason', 'request_attempt_count', ...tls],
  ],
  source: ['address', 'port'],
  destination: ['address', 'port'],
  xds: [
    ...['cluster_name', 'route_name', 'route_metadata', 'virtual_host_name', 'virtual_host_metadata'],
    ...['upstream_host_metadata', 'filter_chain_name', 'listener_metadata'],
  ],
} as const;

/** @throws Error for an attribute that we cannot give. */
export function checkAttribute(variable: string, field: string): void {
  const known = (CEL_ATTRIBUTES as Readonly<Record<string, readonly string[]>>)[variable];
  if (known !== undefined && !known.includes(field)) throw new Error(`there is no attribute ${variable}.${field}`);
}

/** @throws Error for a variable that we cannot give; what no variable is called is an error when it is run. */
export function checkVariable(name: string): void {
  if (name === 'upstream_filter_state') throw new Error('expressions cannot ask for upstream_filter_state yet');
}
