/**
 * A filter whose configuration is fetched (ECDS): of HTTP, of a filter chain, of a listener. Follows envoy.config.core.v3.ExtensionConfigSource and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/extension#discovery-service
 */

import type { Any } from '@bufbuild/protobuf/wkt';
import type { Place } from '#api/place.ts';
import { sourceKey } from '#config/model/config-source.ts';
import type { DiscoveredCategory, DiscoveredConfig, ExtensionUse } from '#config/model/listener.ts';
import { readConfigSource } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { honours } from '#config/read/support.ts';
import type { ExtensionConfigSource } from '#envoy/config/core/v3/config_source_pb.js';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';

const check = honours('envoy.config.core.v3.ExtensionConfigSource', [
  'config_source',
  'default_config',
  'apply_default_config_without_warming',
  'type_urls',
]);

const READ_AS = {
  http_filter: 'http_filter',
  network_filter: 'network_filter',
  tcp_listener_filter: 'listener_filter',
} as const;

type Expected = Pick<DiscoveredConfig, 'types' | 'category'>;

/** @throws PlacedError where there is no source, or the default is of no use */
export function readDiscoveredFilter(
  message: ExtensionConfigSource,
  name: string,
  category: DiscoveredCategory,
  at: Place,
  context: ReadContext,
): DiscoveredConfig {
  check(message, at);
  const { configSource, defaultConfig, applyDefaultConfigWithoutWarming, typeUrls } = message;
  const place = at.field('config_source');
  if (configSource === undefined) throw place.missing();
  const source = readConfigSource(configSource, place, context);
  const types = typeUrls.map((url) => url.slice(url.lastIndexOf('/') + 1));
  for (const [i, type] of types.entries()) {
    const url = at.field('type_urls').index(i);
    const reader = context.extensions.find(type, READ_AS[category]);
    if (reader === undefined) at.collect(unsupportedExtension(name, type, READ_AS[category], url));
    else if (reader.terminal === true)
      url.report(`${type} ends its chain: such a filter is not fetched by Fairlead, write it into the chain`);
  }
  if (applyDefaultConfigWithoutWarming && defaultConfig === undefined) {
    throw at
      .field('default_config')
      .problem(`Error: filter config ${name} applied without warming but has no default config.`);
  }
  const fallback =
    defaultConfig && readFetchedFilter(defaultConfig, name, { types, category }, at.field('default_config'), context);
  return {
    key: `${sourceKey(source)} ${category} ${types.join()} ${name}`,
    source,
    category,
    types,
    warms: !applyDefaultConfigWithoutWarming,
    ...(fallback === undefined ? {} : { fallback }),
  };
}

/** A filter's configuration of one of the types that may be fetched. */
function readFetchedFilter(
  any: Any,
  name: string,
  { types, category }: Expected,
  at: Place,
  context: ReadContext,
): ExtensionUse {
  const { typeUrl, typeName, message } = extensionMessage(any, name, at, context);
  if (!types.includes(typeName)) {
    throw at.problem(`Error: filter config has type URL ${typeName} but expect ${types.join(', ')}.`);
  }
  const reader = context.extensions.find(typeName, READ_AS[category]);
  if (reader === undefined) throw unsupportedExtension(name, typeName, READ_AS[category], at);
  if (reader.terminal === true) throw at.problem(`Error: terminal filter ${name} is not the last of its chain`);
  return { typeUrl, config: reader.read(message, at, context) };
}

/** What a management server brought. */
export function readExtensionConfig(
  { name, typedConfig }: TypedExtensionConfig,
  expected: Expected,
  at: Place,
  context: ReadContext,
): ExtensionUse {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  return readFetchedFilter(typedConfig, name, expected, place, context);
}
