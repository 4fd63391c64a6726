/**
 * A chain of HTTP filters, which ends in one that answers: the router.
 * Follows envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.
 */
import type { Place } from '#api/place.ts';
import type { FilterUse } from '#config/model/listener.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDiscoveredFilter } from '#config/read/discovered-filter.ts';
import { type ExtensionReader, extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { checkTerminalFilter } from '#config/read/terminal-filter.ts';
import type { HttpFilter } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const check = honours('envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter', [
  'name',
  'typed_config',
  'config_discovery',
  'is_optional',
  'disabled',
]);

interface ReadFilter {
  use: FilterUse;
  reader: ExtensionReader;
  at: Place;
}

/** Which one it is will be known later; it is not the last. */
const FETCHED: ExtensionReader = {
  name: 'by discovery',
  message: '',
  category: 'http_filter',
  read: () => undefined,
};

/** @param kind what Envoy calls the chain in errors: `http`, `http upgrade`. */
export function readHttpFilters(
  messages: readonly HttpFilter[],
  at: Place,
  context: ReadContext,
  kind = 'http',
): FilterUse[] {
  const filters = readAll(
    messages,
    at,
    (message, place) => readHttpFilter(message, place, context) ?? 'skipped',
  ).filter((filter) => filter !== 'skipped');
  checkTerminalFilter(
    filters.map(({ use, reader, at: place }) => ({ name: use.name, reader, at: place })),
    kind,
  );
  return filters.map(({ use }) => use);
}

/** @returns undefined for an optional filter that does not run here: it is left out. */
function readHttpFilter(message: HttpFilter, at: Place, context: ReadContext): ReadFilter | undefined {
  check(message, at);
  const { name, configType, isOptional, disabled } = message;
  if (configType.case === 'configDiscovery') {
    const place = at.field('config_discovery');
    const discovered = readDiscoveredFilter(configType.value, name, 'http_filter', place, context);
    return { use: { name, typeUrl: '', config: undefined, disabled, discovered }, reader: FETCHED, at };
  }
  const place = at.field('typed_config');
  const { typeUrl, typeName, message: config } = extensionMessage(configType.value, name, place, context);
  const reader = context.extensions.find(typeName, 'http_filter');
  if (reader === undefined) {
    if (!isOptional) throw unsupportedExtension(name, typeName, 'http_filter', place);
    at.warn(`optional http filter '${name}' (${typeName}) does not run here: it is left out`);
    return undefined;
  }
  if (disabled && reader.terminal === true) {
    throw at.field('disabled').problem(`Error: terminal filter named ${name} cannot be disabled`);
  }
  return { use: { name, typeUrl, config: reader.read(config, place, context), disabled }, reader, at };
}
