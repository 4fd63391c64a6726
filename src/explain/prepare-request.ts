/**
 * What the connection manager does to a request before it is routed, in its order: what it refuses, the path, the host, the headers.
 * Follows Envoy's ConnectionManagerImpl::ActiveStream::decodeHeaders and ConnectionManagerUtility::mutateRequestHeaders.
 */
import { isIP } from 'node:net';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { NodeInfo } from '#config/model/snapshot.ts';
import type { ExplainedConfiguration } from '#explain/configuration.ts';
import type { ExplainedResponse } from '#explain/explanation.ts';
import { answer } from '#explain/local-answer.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { allowsUpgrade } from '#selection/allowed-upgrade.ts';
import { compileClientCert } from '#selection/client-cert-forwarding.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import { addressFromXff } from '#selection/forwarded-for.ts';
import { stripHostPort } from '#selection/host-port.ts';
import { internalAddressTest } from '#selection/internal-address.ts';
import { isLoopback, localAddress } from '#selection/local-address.ts';
import { compileOriginalIp, type OriginalIp } from '#selection/original-ip.ts';
import { normalizePath, type PathRules, pathRules } from '#selection/path-normalization.ts';
import { SINGLE_REQUEST_FIELDS } from '#selection/single-fields.ts';
import {
  asksForTrailers,
  EDGE_ONLY_HEADERS,
  HOP_BY_HOP_HEADERS,
  INTERNAL_ONLY_HEADERS,
  mayBeNominated,
} from '#selection/trusted-headers.ts';

/** Stands for a value that is made anew for each request. */
export const NEW_REQUEST_ID = '(a new UUID)';

const UUID_LENGTH = 36;
/** Where a UUID tells its version, and Envoy's also why it is traced, which no client may say. */
const TRACE_DIGIT = 14;

/** Options of a Connection field that nominate no other field. */
const CONNECTION_OPTIONS = new Set(['close', 'keep-alive', 'upgrade', '']);
/** @returns the answer to a request that is not routed; undefined for one that goes on. */
export function prepareRequest(
  request: RequestUnderWay,
  config: HttpConnectionManager,
  { node, runtime }: Pick<ExplainedConfiguration, 'node' | 'runtime'>,
): ExplainedResponse | undefined {
  for (const name of SINGLE_REQUEST_FIELDS) joinField(request, name);
  const refused = dropNominated(request) ?? dropUnderscores(request, config);
  if (refused !== undefined) return refused;
  if (!config.proxy100Continue && request.headers.get('expect')?.toLowerCase() === '100-continue')
    request.headers.remove('expect');
  if (request.method !== 'CONNECT') {
    const answer = acceptPath(request, pathRules(config, runtime, 0));
    if (answer !== undefined) return answer;
  }
  if (config.stripHostPort !== 'none' || config.stripTrailingHostDot)
    request.host = stripHostPort(request.host, request.connection.destinationPort, config);
  const { originalIpDetection } = config;
  const original =
    originalIpDetection && compileOriginalIp(originalIpDetection)(request.headers, request.connection.sourceAddress);
  if (original !== undefined && original.rejectStatus > 0)
    return answer(original.rejectStatus, 'rejecting_because_detection_failed');
  prepareHeaders(request, config, node, original);
  return undefined;
}

function joinField({ headers }: RequestUnderWay, name: string): void {
  const value = headers.joined(name);
  if (value !== undefined) headers.set(name, value);
}

function dropNominated({ headers }: RequestUnderWay): ExplainedResponse | undefined {
  for (const option of headers.joined('connection')?.split(',') ?? []) {
    const name = option.trim().toLowerCase();
    if (CONNECTION_OPTIONS.has(name)) continue;
    if (!mayBeNominated(name)) return answer(400, 'http1.connection_header_rejected', 'Bad Request');
    if (name !== 'te') headers.remove(name);
  }
  return undefined;
}

function dropUnderscores({ headers }: RequestUnderWay, config: HttpConnectionManager): ExplainedResponse | undefined {
  const action = config.common.headersWithUnderscoresAction;
  if (action === 'ALLOW') return undefined;
  const named = headers.names().filter((name) => name.includes('_'));
  if (action === 'REJECT_REQUEST')
    return named.length === 0 ? undefined : answer(400, 'http1.unexpected_underscore', 'Bad Request');
  for (const name of named) headers.remove(name);
  return undefined;
}

function acceptPath(request: RequestUnderWay, rules: PathRules): ExplainedResponse | undefined {
  const normalized = normalizePath(request.path, rules);
  if (normalized.kind === 'reject') return answer(400, 'path_normalization_failed');
  if (normalized.kind === 'redirect') return { ...answer(307, 'path_normalization_failed'), location: normalized.path };
  request.path = normalized.path;
  return undefined;
}

function prepareHeaders(
  request: RequestUnderWay,
  config: HttpConnectionManager,
  node: NodeInfo,
  original: OriginalIp | undefined,
): void {
  const { headers } = request;
  headers.remove('x-envoy-internal');
  for (const name of HOP_BY_HOP_HEADERS) headers.remove(name);
  if (!asksForUpgrade(request)) {
    headers.remove('connection');
    headers.remove('upgrade');
  }
  keepTrailersAlone(request);
  applyForwarded(request, config, original);
  const edge = !request.internal && config.useRemoteAddress;
  const overwrite = config.schemeHeaderTransformation?.schemeToOverwrite ?? '';
  request.scheme = overwrite !== '' ? overwrite : headers.get('x-forwarded-proto') === 'https' ? 'https' : 'http';
  if (request.internal) headers.add('x-envoy-internal', 'true');
  else {
    const table = config.routes.kind === 'inline' ? config.routes.table.internalOnlyHeaders : [];
    for (const name of [...(edge ? EDGE_ONLY_HEADERS : []), ...INTERNAL_ONLY_HEADERS, ...table]) headers.remove(name);
    if (edge) headers.set('x-envoy-external-address', request.client);
  }
  if (config.addUserAgent) {
    headers.set('x-envoy-downstream-service-cluster', node.cluster);
    if (node.id !== '') headers.set('x-envoy-downstream-service-node', node.id);
    if (!headers.has('user-agent')) headers.add('user-agent', node.cluster);
  }
  if (config.via !== '') headers.set('via', [headers.joined('via'), config.via].filter(Boolean).join(', '));
  if (config.generateRequestId) setRequestId(request, edge, config);
  // A client without a certificate may not speak of one.
  if (compileClientCert(config)(request).details !== 'ALWAYS_FORWARD_ONLY') headers.remove('x-forwarded-client-cert');
}

/** Follows extensions.request_id.uuid.v3.UuidRequestIdConfig. */
function setRequestId({ headers }: RequestUnderWay, edge: boolean, config: HttpConnectionManager): void {
  const given = headers.get('x-request-id') ?? '';
  if (given === '' || (edge && !config.preserveExternalRequestId)) headers.set('x-request-id', NEW_REQUEST_ID);
  else if (edge && (config.requestIdExtension?.packTraceReason ?? true) && given.length === UUID_LENGTH)
    headers.set('x-request-id', `${given.slice(0, TRACE_DIGIT)}4${given.slice(TRACE_DIGIT + 1)}`);
}

/** Whether the request asks to go on with another protocol (RFC 9110, section 7.8). */
function asksForUpgrade({ headers }: RequestUnderWay): boolean {
  const options = headers.joined('connection')?.toLowerCase().split(',') ?? [];
  const type = headers.get('upgrade');
  // To HTTP/2 there is another way: that one is passed over.
  return type !== undefined && type.toLowerCase() !== 'h2c' && options.some((option) => option.trim() === 'upgrade');
}

/** Whether the request is for an upgrade, or a CONNECT, that neither the route nor the connection manager lets go on. */
export function refusesUpgrade(
  request: RequestUnderWay,
  { upgradeConfigs }: HttpConnectionManager,
  route: CompiledRoute,
): boolean {
  const connects = request.method === 'CONNECT';
  if (!connects && !asksForUpgrade(request)) return false;
  const type = connects ? 'connect' : (request.headers.get('upgrade') ?? '');
  const enabled = new Map(upgradeConfigs.map((each) => [each.upgradeType, each.enabled]));
  return !allowsUpgrade(type, route, enabled);
}

function keepTrailersAlone({ headers }: RequestUnderWay): void {
  const te = headers.joined('te');
  if (te === undefined) return;
  if (asksForTrailers(te)) headers.set('te', 'trailers');
  else headers.remove('te');
}

/** The client's address, whether it is internal, and the headers that tell the next hop. */
function applyForwarded(
  request: RequestUnderWay,
  config: HttpConnectionManager,
  original: OriginalIp | undefined,
): void {
  const { headers, connection } = request;
  const peer = connection.sourceAddress;
  const scheme = connection.tls === undefined ? 'http' : 'https';
  const xff = headers.joined('x-forwarded-for');
  let remote: string | undefined;
  let single: boolean;
  if (config.useRemoteAddress) {
    single = xff === undefined;
    if (config.xffNumTrustedHops > 0) remote = addressFromXff(xff, config.xffNumTrustedHops - 1)?.address;
    remote ??= peer;
    if (!config.skipXffAppend) appendXff(request, config);
    if (config.xffNumTrustedHops === 0 || !headers.has('x-forwarded-proto')) headers.set('x-forwarded-proto', scheme);
  } else {
    const found = addressFromXff(xff, config.xffNumTrustedHops);
    remote = original === undefined ? found?.address : original.address;
    single = original === undefined ? (found?.single ?? false) : original.trusted;
    if (original?.appends) appendXff(request, config);
    if (!headers.has('x-forwarded-proto')) headers.add('x-forwarded-proto', scheme);
  }
  if (config.appendXForwardedPort && !headers.has('x-forwarded-port'))
    headers.add('x-forwarded-port', String(connection.destinationPort));
  request.internal = single && remote !== undefined && internalAddressTest(config.internalAddressConfig)(remote);
  request.client = remote ?? peer;
}

function appendXff(request: RequestUnderWay, config: HttpConnectionManager): void {
  const peer = request.connection.sourceAddress;
  if (peer === '') return;
  const before = request.headers.joined('x-forwarded-for') ?? '';
  const told = addressToTell(peer, config);
  request.headers.set('x-forwarded-for', before === '' ? told : `${before},${told}`);
}

/** A peer on this machine is told by the address that others know the machine by. */
function addressToTell(peer: string, config: HttpConnectionManager): string {
  const address = isLoopback(peer) ? localAddress() : peer;
  return config.representIpv4RemoteAddressAsIpv4MappedIpv6 && isIP(address) === 4 ? `::ffff:${address}` : address;
}
