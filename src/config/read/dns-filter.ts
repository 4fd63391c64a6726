/**
 * The DNS filter: names that are answered here, and whom to ask for others.
 * Follows envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig and envoy.data.dns.v3.DnsTable.
 */

import { isIP } from 'node:net';
import type { Message } from '@bufbuild/protobuf';
import { decode } from '#api/decode.ts';
import type { Place } from '#api/place.ts';
import { messageType } from '#api/registry.ts';
import { sourceOf } from '#api/source.ts';
import { addressText } from '#config/model/address.ts';
import type { DnsDomain, DnsFilterClient, DnsFilterConfig } from '#config/model/dns-filter.ts';
import { readAddress } from '#config/read/address.ts';
import type { ReadContext, Resolver } from '#config/read/context.ts';
import { type DataBytes, readDataSource } from '#config/read/data-source.ts';
import { readResolution, readTypedResolver, SYSTEM_RESOLVER } from '#config/read/dns.ts';
import { milliseconds, millisecondsOr } from '#config/read/duration.ts';
import type { ExtensionReader } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { DnsTable, DnsTable_DnsVirtualDomain } from '#envoy/data/dns/v3/dns_table_pb.js';
import type {
  DnsFilterConfig_ClientContextConfig,
  DnsFilterConfig_ServerContextConfig,
  DnsFilterConfig as DnsFilterMessage,
} from '#envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.js';

const TYPE = 'envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig';
const TABLE = 'envoy.data.dns.v3.DnsTable';

const check = honours(TYPE, ['stat_prefix', 'server_config', 'client_config', 'case_insensitive'], {
  refused: { access_log: 'logs of DNS come later' },
});
const checkServer = honours(`${TYPE}.ServerContextConfig`, ['inline_dns_table', 'external_dns_table']);
const checkClient = honours(`${TYPE}.ClientContextConfig`, [
  'resolver_timeout',
  'upstream_resolvers',
  'dns_resolution_config',
  'typed_dns_resolver_config',
  'max_pending_lookups',
]);
const checkTable = honours(TABLE, ['external_retry_count', 'virtual_domains'], {
  withoutEffect: { known_suffixes: 'the names of domains say what is known' },
});
const checkDomain = honours(`${TABLE}.DnsVirtualDomain`, ['name', 'endpoint', 'answer_ttl']);
const checkEndpoint = honours(`${TABLE}.DnsEndpoint`, ['address_list', 'cluster_name'], {
  refused: { service_list: 'SRV records come later' },
});
const checkList = honours(`${TABLE}.AddressList`, ['address']);

const DEFAULT_TTL = 300;
const DEFAULT_TIMEOUT = 5000;
const SECOND = 1000;

export const dnsFilterReader: ExtensionReader = {
  name: 'envoy.filters.udp.dns_filter',
  message: TYPE,
  category: 'udp_listener_filter',
  terminal: true,
  read: (message: Message, at, context) => readDnsFilter(message as DnsFilterMessage, at, context),
};

function readDnsFilter(message: DnsFilterMessage, at: Place, context: ReadContext): DnsFilterConfig {
  check(message, at);
  const { serverConfig, clientConfig } = message;
  const { domains, retries } = readServer(serverConfig, at.field('server_config'), context);
  const client = clientConfig && readClient(clientConfig, at.field('client_config'), retries, context);
  return {
    statPrefix: message.statPrefix,
    domains,
    caseInsensitive: message.caseInsensitive,
    ...(client === undefined ? {} : { client }),
  };
}

interface Table {
  domains: DnsDomain[];
  retries: number;
}

function readServer(message: DnsFilterConfig_ServerContextConfig | undefined, at: Place, context: ReadContext): Table {
  if (message === undefined) return { domains: [], retries: 0 };
  checkServer(message, at);
  const { configSource: source } = message;
  switch (source.case) {
    case 'inlineDnsTable':
      return readTable(source.value, at.field('inline_dns_table'));
    case 'externalDnsTable': {
      const place = at.field('external_dns_table');
      const tree = parseTable(readDataSource(source.value, place, context), place);
      return readTable(decode<DnsTable & Message>(messageType(TABLE), tree, place), place);
    }
    default:
      throw at.problem('one of inline_dns_table, external_dns_table is required');
  }
}

/** JSON or YAML, as the file's name says. */
function parseTable({ bytes, path }: DataBytes, at: Place): unknown {
  try {
    return sourceOf(bytes.toString(), path, path.endsWith('.json') ? 'json' : 'yaml').tree;
  } catch (error) {
    throw at.problem(`the table cannot be read: ${(error as Error).message}`);
  }
}

function readTable(message: DnsTable, at: Place): Table {
  checkTable(message, at);
  return {
    domains: readAll(message.virtualDomains, at.field('virtual_domains'), readDomain),
    retries: message.externalRetryCount,
  };
}

function readDomain(message: DnsTable_DnsVirtualDomain, at: Place): DnsDomain {
  checkDomain(message, at);
  const { name, endpoint, answerTtl } = message;
  return {
    name,
    endpoint: readEndpoint(endpoint, at.field('endpoint')),
    ttl: answerTtl === undefined ? DEFAULT_TTL : Math.floor(milliseconds(answerTtl) / SECOND),
  };
}

function readEndpoint(message: DnsTable_DnsVirtualDomain['endpoint'], at: Place): DnsDomain['endpoint'] {
  if (message === undefined) return { kind: 'addresses', addresses: [] };
  checkEndpoint(message, at);
  const { endpointConfig: endpoint } = message;
  switch (endpoint.case) {
    case 'addressList': {
      const place = at.field('address_list');
      checkList(endpoint.value, place);
      const addresses = readAll(endpoint.value.address, place.field('address'), (address, each) => {
        if (isIP(address) === 0) throw each.problem(`malformed IP address: ${address}`);
        return address;
      });
      return { kind: 'addresses', addresses };
    }
    case 'clusterName':
      return { kind: 'cluster', cluster: endpoint.value };
    default:
      return { kind: 'addresses', addresses: [] };
  }
}

function readClient(
  message: DnsFilterConfig_ClientContextConfig,
  at: Place,
  retries: number,
  context: ReadContext,
): DnsFilterClient {
  checkClient(message, at);
  const timeout = millisecondsOr(message.resolverTimeout, DEFAULT_TIMEOUT);
  return {
    resolver: readResolver(message, at, context),
    timeout,
    maxPendingLookups: Number(message.maxPendingLookups),
    retries,
  };
}

/** The newest field that is set holds. */
function readResolver(message: DnsFilterConfig_ClientContextConfig, at: Place, context: ReadContext): Resolver {
  const { typedDnsResolverConfig: typed, dnsResolutionConfig: resolution, upstreamResolvers } = message;
  if (typed !== undefined) return readTypedResolver(typed, at.field('typed_dns_resolver_config'), context);
  if (resolution !== undefined) return readResolution(resolution, at.field('dns_resolution_config'));
  const resolvers = readAll(upstreamResolvers, at.field('upstream_resolvers'), (address, place) =>
    addressText(readAddress(address, place)),
  );
  return { ...(context.dnsResolver ?? SYSTEM_RESOLVER), ...(resolvers.length > 0 ? { resolvers } : {}) };
}
