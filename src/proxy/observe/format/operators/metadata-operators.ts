/**
 * Metadata of the stream and of what it was matched to, and filter state: whole, or one value by its path of keys.
 */
import type { Json, Metadata } from '#config/model/route.ts';
import { toByteText } from '#proxy/observe/format/byte-text.ts';
import { jsonText } from '#proxy/observe/format/json-text.ts';
import {
  type Operator,
  type OperatorDefinition,
  type OperatorTable,
  textOperator,
  valueOperator,
} from '#proxy/observe/format/operator.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

type MetadataOf = (info: StreamInfo) => Metadata | undefined;

const types: { readonly [type: string]: MetadataOf } = {
  DYNAMIC: (info) => info.dynamicMetadata,
  CLUSTER: (info) => info.cluster?.metadata,
  ROUTE: (info) => info.route?.metadata,
  UPSTREAM_HOST: (info) => info.upstream?.hostMetadata,
  LISTENER: (info) => info.connection.listenerMetadata,
  LISTENER_FILTER_CHAIN: (info) => info.connection.filterChainMetadata,
  VIRTUAL_HOST: (info) => info.virtualHost?.metadata,
};

export const metadataOperators: OperatorTable = {
  DYNAMIC_METADATA: metadataOperator(types.DYNAMIC),
  CLUSTER_METADATA: metadataOperator(types.CLUSTER),
  UPSTREAM_METADATA: metadataOperator(types.UPSTREAM_HOST),
  METADATA(argument, maxLength) {
    const [type, ...path] = argument.split(':');
    return compileMetadata(types[type], path, maxLength);
  },
  FILTER_STATE: filterStateOperator((info, key) => info.filterState?.get(key) ?? info.connection.filterState?.get(key)),
  // Set by extensions of clusters and transport sockets: none of ours does.
  UPSTREAM_FILTER_STATE: filterStateOperator(() => undefined),
};

function metadataOperator(metadata: MetadataOf): OperatorDefinition {
  return (argument, maxLength) => compileMetadata(metadata, argument.split(':'), maxLength);
}

function compileMetadata(metadata: MetadataOf, path: string[], maxLength: number | undefined): Operator {
  return valueOperator((info) => {
    let value: Json | undefined = metadata(info);
    for (let i = 0; i < path.length && value !== undefined; i++) value = member(value, path[i]);
    return value;
  }, maxLength);
}

function member(value: Json, key: string): Json | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** `KEY`, `KEY:PLAIN`, `KEY:TYPED`, `KEY:FIELD:NAME`. */
function filterStateOperator(state: (info: StreamInfo, key: string) => unknown): OperatorDefinition {
  return (argument, maxLength) => {
    const [key, form = '', field = ''] = argument.split(':');
    const read = (info: StreamInfo): unknown => state(info, key);
    if (form === 'PLAIN') return textOperator((info) => plainText(read(info)), maxLength);
    if (form === 'FIELD') return textOperator((info) => plainText(fieldOf(read(info), field)), maxLength);
    const typed = (info: StreamInfo): string | undefined => typedText(read(info));
    return { text: textOperator(typed, maxLength).text, json: typed };
  };
}

function plainText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? jsonText(value as Json) : toByteText(String(value));
}

function typedText(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : jsonText(value as Json);
}

function fieldOf(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
  return (value as { [name: string]: unknown })[name];
}
