/**
 * Expressions in the Common Expression Language, https://github.com/google/cel-spec, over Envoy's attributes. The library that reads and
 * runs them costs 0.1 s to load: it is loaded with the first expression.
 * Attributes follow https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export type CelLibrary = typeof import('@bufbuild/cel');
export type CelExpression = ReturnType<CelLibrary['parse']>;

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

/** The attributes that expressions may ask for, by the variable that has them. */
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
    ...['upstream_host_metadata', 'filter_chain_name'],
  ],
} as const;

let library: CelLibrary | undefined;

export function celLibrary(): CelLibrary {
  library ??= createRequire(import.meta.url)(fileURLToPath(import.meta.resolve('@bufbuild/cel'))) as CelLibrary;
  return library;
}

/** @throws Error for what is no expression, or asks for an attribute that we cannot give. */
export function parseCel(text: string): CelExpression {
  let parsed: CelExpression;
  try {
    parsed = celLibrary().parse(text);
  } catch (error) {
    throw new Error(`Not able to parse filter expression: ${(error as Error).message}`);
  }
  checkAttributes(parsed.expr);
  return parsed;
}

interface Select {
  field: string;
  operand?: { exprKind?: { case?: string; value?: { name?: string } } };
}

/** Walks the whole tree: what the library calls a node has its kind under `case` and its parts under `value`. */
function checkAttributes(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const { case: kind, value } = node as { case?: unknown; value?: unknown };
  if (kind === 'selectExpr') checkSelect(value as Select);
  for (const part of Object.values(node)) checkAttributes(part);
}

function checkSelect({ field, operand }: Select): void {
  const root = operand?.exprKind?.case === 'identExpr' ? operand.exprKind.value?.name : undefined;
  if (root === 'upstream_filter_state') throw new Error('expressions cannot ask for upstream_filter_state yet');
  const known = (CEL_ATTRIBUTES as Readonly<Record<string, readonly string[]>>)[root ?? ''];
  if (known !== undefined && !known.includes(field)) throw new Error(`there is no attribute ${root}.${field}`);
}
