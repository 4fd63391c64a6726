/**
 * Listeners as istioctl shows them: what each filter chain matches, and where it leads.
 * Follows envoy.config.listener.v3.Listener and https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/
 */

import { compareText } from '#cli/writers/compare-text.ts';
import { describeMatch } from '#cli/writers/route-match.ts';
import { renderTable } from '#cli/writers/table.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export interface ListenerFilter {
  address: string;
  port: number;
  /** HTTP, TCP, HTTP+TCP or UNKNOWN; in any case of letters. */
  type: string;
}

export interface ListenerTableOptions {
  verbose: boolean;
  /** In `proxy-config all`, rows begin with `listener/NAME`. */
  named: boolean;
  color: boolean;
}

const HTTP = 'envoy.filters.network.http_connection_manager';
const TCP = 'envoy.filters.network.tcp_proxy';
const BLACK_HOLE = 'BlackHoleCluster';

/** Lists of protocols that istioctl has a name for. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  'http/1.0,http/1.1,h2c,istio-http/1.0,istio-http/1.1,istio-h2': 'HTTP TLS',
  'istio,istio-http/1.0,istio-http/1.1,istio-h2': 'Istio HTTP Plain',
  'istio-peer-exchange,istio': 'TCP TLS',
  'http/1.0,http/1.1,h2c': 'HTTP',
};

export function filterListeners(listeners: readonly JsonObject[], filter: ListenerFilter, reader: DumpReader) {
  const { address, port, type } = filter;
  return listeners.filter((listener) => {
    reader.resource = nameOf(listener, reader);
    return (
      (address === '' || addressesOf(listener, reader).some((own) => own.toLowerCase() === address.toLowerCase())) &&
      (port === 0 || portOf(listener, reader) === port) &&
      (type === '' || typeOf(listener, reader).toLowerCase() === type.toLowerCase())
    );
  });
}

export function listenersTable(
  listeners: readonly JsonObject[],
  reader: DumpReader,
  { verbose, named, color }: ListenerTableOptions,
): string {
  const sorted = listeners.map((listener) => sortable(listener, reader)).sort(byPort);
  const rows = sorted.flatMap(({ listener, address, port, type }) => {
    reader.resource = nameOf(listener, reader);
    const start = [...(named ? [`listener/${reader.text(listener, 'name')}`] : []), address, String(port)];
    if (!verbose) return [[...start, type]];
    return chainsOf(listener, reader)
      .map((chain) => [...start, describeChainMatch(chain, reader), destinationOf(chain, reader)])
      .sort((a, b) => compareText(b[b.length - 1], a[a.length - 1]));
  });
  const heading = [...(named ? ['NAME'] : []), 'ADDRESSES', 'PORT', ...(verbose ? ['MATCH', 'DESTINATION'] : ['TYPE'])];
  return renderTable(heading, rows, { gap: 1, color });
}

interface Sortable {
  listener: JsonObject;
  address: string;
  port: number;
  type: string;
}

function sortable(listener: JsonObject, reader: DumpReader): Sortable {
  reader.resource = nameOf(listener, reader);
  const address = addressesOf(listener, reader).join(',');
  return { listener, address, port: portOf(listener, reader), type: typeOf(listener, reader) };
}

function byPort(a: Sortable, b: Sortable): number {
  return a.port - b.port || compareText(a.address, b.address) || compareText(a.type, b.type);
}

function nameOf(listener: JsonObject, reader: DumpReader): string {
  return `listener '${reader.text(listener, 'name')}'`;
}

function addressesOf(listener: JsonObject, reader: DumpReader): string[] {
  const more = reader.objects(listener, 'additional_addresses');
  return [listener, ...more].map((holder) => {
    const address = reader.object(holder, 'address');
    const socket = reader.object(address, 'socket_address');
    if (socket !== undefined) return reader.text(socket, 'address');
    return reader.text(reader.object(address, 'pipe'), 'path');
  });
}

function portOf(listener: JsonObject, reader: DumpReader): number {
  return reader.number(reader.object(reader.object(listener, 'address'), 'socket_address'), 'port_value');
}

function chainsOf(listener: JsonObject, reader: DumpReader): JsonObject[] {
  const last = reader.object(listener, 'default_filter_chain');
  return [...reader.objects(listener, 'filter_chains'), ...(last === undefined ? [] : [last])];
}

function typeOf(listener: JsonObject, reader: DumpReader): string {
  let http = false;
  let tcp = false;
  for (const filter of chainsOf(listener, reader).flatMap((chain) => reader.objects(chain, 'filters'))) {
    const name = reader.text(filter, 'name');
    if (name === HTTP) http = true;
    else if (name === TCP && !leadsNowhere(filter)) tcp = true;
  }
  if (http) return tcp ? 'HTTP+TCP' : 'HTTP';
  return tcp ? 'TCP' : 'UNKNOWN';
}

/** Istio's way to close a connection is a cluster without endpoints. */
function leadsNowhere(filter: JsonObject): boolean {
  return JSON.stringify(filter.typed_config ?? filter.typedConfig ?? '').includes(BLACK_HOLE);
}

function describeChainMatch(chain: JsonObject, reader: DumpReader): string {
  const match = reader.object(chain, 'filter_chain_match');
  const words: string[] = [];
  const names = reader.texts(match, 'server_names');
  if (names.length > 0) words.push(`SNI: ${names.join(',')}`);
  const transport = reader.text(match, 'transport_protocol');
  if (transport !== '') words.push(`Trans: ${transport}`);
  const protocols = reader.texts(match, 'application_protocols').join(',');
  if (protocols !== '') words.push(`App: ${Object.hasOwn(PROTOCOLS, protocols) ? PROTOCOLS[protocols] : protocols}`);
  const port = reader.has(match, 'destination_port') ? `:${reader.number(match, 'destination_port')}` : '';
  const ranges = reader
    .objects(match, 'prefix_ranges')
    .map((range) => `${reader.text(range, 'address_prefix')}/${reader.number(range, 'prefix_len')}`);
  if (ranges.length > 0) words.push(`Addr: ${ranges.join(',')}${port}`);
  else if (port !== '') words.push(`Addr: *${port}`);
  return words.length === 0 ? 'ALL' : words.join('; ');
}

function destinationOf(chain: JsonObject, reader: DumpReader): string {
  for (const filter of reader.objects(chain, 'filters')) {
    const name = reader.text(filter, 'name');
    const config = reader.object(filter, 'typed_config');
    if (name === HTTP) return httpDestination(config, reader);
    if (name === TCP && !leadsNowhere(filter)) return clusterText(reader.text(config, 'cluster'));
  }
  return 'Non-HTTP/Non-TCP';
}

function httpDestination(manager: JsonObject | undefined, reader: DumpReader): string {
  const inline = reader.object(manager, 'route_config');
  if (inline !== undefined) return describeInline(inline, reader);
  const name = reader.text(reader.object(manager, 'rds'), 'route_config_name');
  return name === '' ? 'HTTP' : `Route: ${name}`;
}

function describeInline(routes: JsonObject, reader: DumpReader): string {
  const hosts = reader.objects(routes, 'virtual_hosts');
  const only = hosts.length === 1 ? clusterOfAll(hosts[0], reader) : '';
  if (only !== '') return clusterText(only);
  const words = hosts.map((host) => {
    const domains = reader.texts(host, 'domains').join('/');
    const matches = reader.objects(host, 'routes').map((route) => describeMatch(reader.object(route, 'match'), reader));
    return `${domains === '*' ? '' : `${domains} `}${matches.join(', ')}`;
  });
  return `Inline Route: ${words.join('; ')}`;
}

/** The cluster to which the virtual host's only route takes every request. */
function clusterOfAll(host: JsonObject, reader: DumpReader): string {
  const [route, ...others] = reader.objects(host, 'routes');
  if (reader.texts(host, 'domains').join() !== '*' || route === undefined || others.length > 0) return '';
  if (reader.text(reader.object(route, 'match'), 'prefix') !== '/') return '';
  return reader.text(reader.object(route, 'route'), 'cluster');
}

function clusterText(name: string): string {
  return name.includes('Cluster') ? name : `Cluster: ${name}`;
}
