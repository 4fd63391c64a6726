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
import type {
  DynamicMetadataInput,
  FilterStateInput,
} from '#envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js';
import type { EndpointMetadataInput } from '#envoy/extensions/matching/common_inputs/transport_socket/v3/transport_socket_inputs_pb.js';
import type { HttpRequestHeaderMatchInput } from '#envoy/type/matcher/v3/http_inputs_pb.js';

const NETWORK = 'envoy.extensions.matching.common_inputs.network.v3';
const HEADER = 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput';
const FILTER_STATE = `${NETWORK}.FilterStateInput`;
const DYNAMIC_METADATA = `${NETWORK}.DynamicMetadataInput`;
const TRANSPORT_SOCKET = 'envoy.extensions.matching.common_inputs.transport_socket.v3';
const ENDPOINT_METADATA = `${TRANSPORT_SOCKET}.EndpointMetadataInput`;
const CERTIFICATES = ['UriSanInput', 'DnsSanInput', 'SubjectInput'].map(
  (kind) => `envoy.extensions.matching.common_inputs.ssl.v3.${kind}`,
);

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

/** The inputs that there are for what is matched, by the full names of their messages. */
export interface MatchInputs {
  readonly typeNames: ReadonlySet<string>;
  /** What Envoy says of any other; without it, we say that we do not know it yet. */
  readonly refusal?: (typeUrl: string) => string;
}

/** Inputs of matchers that choose routes. */
export const ROUTE_INPUTS: MatchInputs = {
  typeNames: new Set([HEADER, FILTER_STATE]),
  refusal: (typeUrl) =>
    `requirement violation while creating route match tree: INVALID_ARGUMENT: Route table can only match on request headers, saw ${typeUrl}`,
};
/** Inputs of connections. */
export const CONNECTION_INPUTS: MatchInputs = { typeNames: new Set([...ADDRESSES, ...PROTOCOLS, FILTER_STATE]) };

/** Inputs of access control of connections. */
export const RBAC_INPUTS: MatchInputs = {
  typeNames: new Set([...ADDRESSES, ...PROTOCOLS, ...CERTIFICATES, FILTER_STATE, DYNAMIC_METADATA]),
  refusal: (typeUrl) =>
    `requirement violation while creating RBAC match tree: INVALID_ARGUMENT: RBAC network filter cannot match '${typeUrl}'`,
};

/** Inputs of matchers that choose the transport of a host. */
export const TRANSPORT_INPUTS: MatchInputs = { typeNames: new Set([ENDPOINT_METADATA]) };

/** Inputs of datagrams. */
export const UDP_INPUTS: MatchInputs = { typeNames: new Set(ADDRESSES.slice(0, 4)) };

const checks = new Map([
  honoured(HEADER, 'header_name'),
  [
    FILTER_STATE,
    honours(FILTER_STATE, ['key'], { refused: { field: 'filter state is matched by its text' } }),
  ] as const,
  honoured(DYNAMIC_METADATA, 'filter', 'path'),
  honoured(ENDPOINT_METADATA, 'filter', 'path'),
  ...[...ADDRESSES, ...PROTOCOLS, ...CERTIFICATES].map((name) => honoured(name)),
]);

function honoured(name: string, ...fields: string[]) {
  return [name, honours(name, fields)] as const;
}

export function readMatchInput(
  extension: TypedExtensionConfig | undefined,
  at: Place,
  { typeNames, refusal }: MatchInputs,
): MatchInput {
  if (extension === undefined) throw at.missing();
  const place = at.field('typed_config');
  if (extension.typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(extension.typedConfig, place);
  const { typeName } = type;
  if (!typeNames.has(typeName)) {
    if (refusal !== undefined) throw place.problem(refusal(extension.typedConfig.typeUrl));
    throw unsupportedExtension(extension.name, typeName, 'matching_input', place);
  }
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
    case DYNAMIC_METADATA:
    case ENDPOINT_METADATA: {
      const { filter, path } = message as DynamicMetadataInput | EndpointMetadataInput;
      return { kind, key: '', filter, path: path.map(({ segment }) => segment.value ?? '') };
    }
    default:
      return { kind, key: '' };
  }
}
