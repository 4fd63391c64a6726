/**
 * An HTTP filter whose configuration is fetched (ECDS). Follows envoy.config.core.v3.ExtensionConfigSource and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/extension#discovery-service
 */

import type { Any } from '@bufbuild/protobuf/wkt';
import type { Place } from '#api/place.ts';
import { sourceKey } from '#config/model/config-source.ts';
import type { DiscoveredConfig, ExtensionUse } from '#config/model/listener.ts';
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

/** @throws PlacedError where there is no source, or the default is of no use */
export function readDiscoveredFilter(
  message: ExtensionConfigSource,
  name: string,
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
    if (context.extensions.find(type, 'http_filter') === undefined) {
      at.collect(unsupportedExtension(name, type, 'http_filter', at.field('type_urls').index(i)));
    }
  }
  if (applyDefaultConfigWithoutWarming && defaultConfig === undefined) {
    throw at
      .field('default_config')
      .problem(`Error: filter config ${name} applied without warming but has no default config.`);
  }
  const fallback = defaultConfig && readFetchedFilter(defaultConfig, name, types, at.field('default_config'), context);
  return {
    key: `${sourceKey(source)} ${types.join()} ${name}`,
    source,
    types,
    warms: !applyDefaultConfigWithoutWarming,
    ...(fallback === undefined ? {} : { fallback }),
  };
}

/** A filter's configuration of one of the types that may be fetched. */
function readFetchedFilter(
  any: Any,
  name: string,
  types: readonly string[],
  at: Place,
  context: ReadContext,
): ExtensionUse {
  const { typeUrl, typeName, message } = extensionMessage(any, name, at, context);
  if (!types.includes(typeName)) {
    throw at.problem(`Error: filter config has type URL ${typeName} but expect ${types.join(', ')}.`);
  }
  const reader = context.extensions.find(typeName, 'http_filter');
  if (reader === undefined) throw unsupportedExtension(name, typeName, 'http_filter', at);
  if (reader.terminal === true) throw at.problem(`Error: terminal filter ${name} is not the last of its chain`);
  return { typeUrl, config: reader.read(message, at, context) };
}

/** What a management server brought. @param types that may be */
export function readExtensionConfig(
  { name, typedConfig }: TypedExtensionConfig,
  types: readonly string[],
  at: Place,
  context: ReadContext,
): ExtensionUse {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  return readFetchedFilter(typedConfig, name, types, place, context);
}
