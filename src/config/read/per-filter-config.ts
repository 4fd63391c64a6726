/**
 * What a filter is told for a route, a virtual host or a route table. Follows `typed_per_filter_config` and
 * envoy.config.route.v3.FilterConfig.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import { contentOf } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { PerFilterConfig } from '#config/model/route.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { honours } from '#config/read/support.ts';
import type { FilterConfig } from '#envoy/config/route/v3/route_components_pb.js';

const WRAPPER = 'envoy.config.route.v3.FilterConfig';
const check = honours(WRAPPER, ['config', 'is_optional', 'disabled']);

type Entry = PerFilterConfig[string];

export function readPerFilterConfig(
  configs: { [name: string]: Any },
  at: Place,
  context: ReadContext,
): PerFilterConfig {
  const read: PerFilterConfig = {};
  for (const [name, any] of Object.entries(configs)) {
    const place = at.key(name);
    const entry = place.attempt(() => readEntry(name, any, place, context));
    if (entry !== undefined) read[name] = entry;
  }
  return read;
}

function readEntry(name: string, any: Any, at: Place, context: ReadContext): Entry | undefined {
  const content = contentOf(any);
  if (content?.type.typeName !== WRAPPER) return readConfig(name, any, at, context, false);
  const wrapper = content.message as FilterConfig;
  check(wrapper, at);
  const { config, isOptional, disabled } = wrapper;
  if (disabled) return { typeUrl: '', config: undefined, disabled, optional: isOptional };
  if (config === undefined)
    throw at.field('config').problem(`Empty route/virtual host per filter configuration for ${name} filter`);
  return readConfig(name, config, at.field('config'), context, isOptional);
}

/** @returns undefined for an optional filter that does not run here. */
function readConfig(name: string, any: Any, at: Place, context: ReadContext, optional: boolean): Entry | undefined {
  const { typeUrl, typeName, message } = extensionMessage(any, name, at, context);
  const reader = context.extensions.findPerRoute(typeName);
  if (reader?.readPerRoute !== undefined) {
    return { typeUrl, config: reader.readPerRoute(message, at, context), disabled: false, optional };
  }
  if (optional) return undefined;
  if (context.extensions.find(typeName, 'http_filter') !== undefined) {
    throw at.problem(`The filter ${name} doesn't support virtual host or route specific configurations`);
  }
  throw unsupportedExtension(name, typeName, 'http_filter', at);
}
