/**
 * A dump's filter chain, read when a connection has come to it: TLS or not, and the filter at its end with the routes that came by RDS.
 * Follows envoy.config.listener.v3.FilterChain.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { FilterChain, FilterUse } from '#config/model/listener.ts';
import type { DownstreamTransport } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readHttpConnectionManager } from '#config/read/http-connection-manager.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import type { HttpConnectionManager as ManagerMessage } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { readLeniently } from '#explain/dump/read-leniently.ts';
import { withoutFields } from '#explain/dump/without-fields.ts';
import { keepPerFilterConfig } from '#explain/policies/per-filter-config.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters';
const HTTP = `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`;
const TCP = `${TYPE}.network.tcp_proxy.v3.TcpProxy`;
const ROUTER = { name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}.http.router.v3.Router` } };

/** What no request's way depends on, or what is told otherwise (filters, by their policies). */
const ASIDE = [
  ...['access_log', 'access_log_options', 'tracing', 'http_filters', 'request_id_extension', 'route_config', 'rds'],
  ...['http2_protocol_options', 'http3_protocol_options', 'codec_type', 'proxy_status_config', 'scoped_routes'],
  'stream_flush_timeout',
];

export interface ChainSources {
  reader: DumpReader;
  context: ReadContext;
  /** The route configuration of that name, which came by RDS. */
  routes(name: string): JsonObject | undefined;
  note(what: string): void;
}

export function openChain(outline: FilterChain, json: JsonObject, sources: ChainSources): FilterChain {
  const { reader } = sources;
  const filters = reader.objects(json, 'filters').flatMap((filter): FilterUse[] => {
    const config = reader.object(filter, 'typed_config');
    const use = (typeUrl: string, read: unknown): FilterUse[] => [
      { name: reader.text(filter, 'name'), typeUrl, config: read, disabled: false },
    ];
    const type = reader.text(config, '@type');
    if (type === TCP) return use(TCP, { clusters: tcpClusters(config, reader) });
    if (type !== HTTP || config === undefined) return [];
    const manager = readManager(config, sources);
    return manager === undefined ? [] : use(HTTP, manager);
  });
  return { ...outline, transport: transportOf(reader.object(json, 'transport_socket'), reader), filters };
}

function tcpClusters(config: JsonObject | undefined, reader: DumpReader): { name: string; weight: number }[] {
  const one = reader.text(config, 'cluster');
  if (one !== '') return [{ name: one, weight: 1 }];
  const weighted = reader.objects(reader.object(config, 'weighted_clusters'), 'clusters');
  return weighted.map((each) => ({ name: reader.text(each, 'name'), weight: reader.number(each, 'weight') }));
}

/** The dump has no table that could be looked at. */
const UNKNOWN_ROUTES: HttpConnectionManager['routes'] = {
  kind: 'scoped',
  scoped: { name: '', fragments: [], scopes: { kind: 'inline', list: [] } },
};

function readManager(json: JsonObject, sources: ChainSources): HttpConnectionManager | undefined {
  const { reader, context, note } = sources;
  const rest = withoutFields(json, ASIDE);
  const filters = reader.objects(json, 'http_filters');
  const router = filters.find((filter) => reader.text(filter, 'name') === ROUTER.name) ?? ROUTER;
  const table = routesOf(json, sources);
  const whole = { ...rest, http_filters: [router], route_config: table ?? {} };
  const manager = readLeniently<ManagerMessage, HttpConnectionManager>(
    HTTP.slice(HTTP.indexOf('/') + 1),
    whole,
    (message, at) => readHttpConnectionManager(message, at, context),
    note,
  );
  if (manager === undefined || table !== undefined) return manager;
  return { ...manager, routes: UNKNOWN_ROUTES };
}

/** With the configurations of filters kept aside, for their policies: their readers need not know them. */
function routesOf(json: JsonObject, { reader, routes, note }: ChainSources): JsonObject | undefined {
  const inline = reader.object(json, 'route_config');
  if (inline !== undefined) return keepPerFilterConfig(inline, reader);
  const name = reader.text(reader.object(json, 'rds'), 'route_config_name');
  const found = name === '' ? undefined : routes(name);
  if (found === undefined)
    note(name === '' ? 'routes come by scopes' : `route configuration '${name}' is not in the dump`);
  return found && keepPerFilterConfig(found, reader);
}

/** Certificates are not needed to tell whether there is TLS. */
function transportOf(socket: JsonObject | undefined, reader: DumpReader): DownstreamTransport {
  const config = reader.object(socket, 'typed_config');
  if (!reader.text(config, '@type').endsWith('.tls.v3.DownstreamTlsContext')) return { kind: 'raw_buffer' };
  const common = reader.object(config, 'common_tls_context');
  return {
    kind: 'tls',
    tls: {
      certificates: [],
      alpnProtocols: reader.texts(common, 'alpn_protocols'),
      cipherSuites: [],
      ecdhCurves: [],
      signatureAlgorithms: [],
      requireClientCertificate: reader.flag(config, 'require_client_certificate'),
      sessionTimeout: 0,
      sessionTicketKeys: [],
      disableStatelessSessionResumption: false,
      fullScanCertsOnSniMismatch: false,
      preferClientCiphers: false,
      ocspStaplePolicy: 'LENIENT_STAPLING',
    },
  };
}
