/**
 * What generic matchers look at. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/matching/matching_api
 */
import type { Message } from '@bufbuild/protobuf';
import { unpack } from '#api/any.ts';
import type { TypedExtensionConfig } from '#api/generated/xds/core/v3/extension_pb.js';
import type { Place } from '#api/place.ts';
import type { MatchInput } from '#config/model/matcher-tree.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { honours } from '#config/read/support.ts';
import type { FilterStateInput } from '#envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js';
import type { HttpRequestHeaderMatchInput } from '#envoy/type/matcher/v3/http_inputs_pb.js';

const NETWORK = 'envoy.extensions.matching.common_inputs.network.v3';
const HEADER = 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput';
const FILTER_STATE = `${NETWORK}.FilterStateInput`;

const ADDRESSES = [
  'DestinationIPInput',
  'DestinationPortInput',
  'SourceIPInput',
  'SourcePortInput',
  'DirectSourceIPInput',
  'SourceTypeInput',
  'ServerNameInput',
].map((kind) => `${NETWORK}.${kind}`);
const PROTOCOLS = ['TransportProtocolInput', 'ApplicationProtocolInput'].map((kind) => `${NETWORK}.${kind}`);

/** Inputs of matchers that choose routes, by the full names of their messages: Envoy has no others there. */
export const ROUTE_INPUTS: ReadonlySet<string> = new Set([HEADER, FILTER_STATE]);
/** Inputs of connections. */
export const CONNECTION_INPUTS: ReadonlySet<string> = new Set([...ADDRESSES, ...PROTOCOLS]);

const checks = new Map([
  honoured(HEADER, 'header_name'),
  [
    FILTER_STATE,
    honours(FILTER_STATE, ['key'], { refused: { field: 'filter state is matched by its text' } }),
  ] as const,
  ...[...ADDRESSES, ...PROTOCOLS].map((name) => honoured(name)),
]);

function honoured(name: string, ...fields: string[]) {
  return [name, honours(name, fields)] as const;
}

/** @param allowed the inputs that the subject of the matcher has. */
export function readMatchInput(
  extension: TypedExtensionConfig | undefined,
  at: Place,
  allowed: ReadonlySet<string>,
): MatchInput {
  if (extension === undefined) throw at.missing();
  const place = at.field('typed_config');
  if (extension.typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(extension.typedConfig, place);
  const { typeName } = type;
  if (!allowed.has(typeName)) throw unsupportedExtension(extension.name, typeName, 'matching_input', place);
  checks.get(typeName)?.(message, place);
  return inputOf(typeName, message);
}

function inputOf(typeName: string, message: Message): MatchInput {
  const kind = typeName.slice(typeName.lastIndexOf('.') + 1);
  switch (typeName) {
    case HEADER:
      return { kind, key: (message as HttpRequestHeaderMatchInput).headerName.toLowerCase() };
    case FILTER_STATE:
      return { kind, key: (message as FilterStateInput).key };
    default:
      return { kind, key: '' };
  }
}
