/**
 * The local address that connections to upstreams start from, and how they are kept alive.
 * Follows envoy.config.core.v3.BindConfig and TcpKeepalive.
 */
import { isIPv6 } from 'node:net';
import type { Place } from '#api/place.ts';
import type { UpstreamBindConfig } from '#config/model/cluster.ts';
import { readSocketAddress } from '#config/read/address.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage, unknownExtension } from '#config/read/extensions.ts';
import { FREEBIND, readSocketOptions } from '#config/read/socket-options.ts';
import { honours } from '#config/read/support.ts';
import type { BindConfig, SocketAddress, TcpKeepalive } from '#envoy/config/core/v3/address_pb.js';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';

const checkBind = honours(
  'envoy.config.core.v3.BindConfig',
  [
    'source_address',
    'extra_source_addresses',
    'additional_source_addresses',
    'freebind',
    'socket_options',
    'local_address_selector',
  ],
  { withoutEffect: { validate_network_namespaces: 'no address here names a network namespace' } },
);
/** The one that Envoy has: it chooses the source of the host's address family. */
const SELECTOR = 'envoy.config.upstream.local_address_selector.v3.DefaultLocalAddressSelector';
const checkSelector = honours(SELECTOR, []);
const checkExtra = honours('envoy.config.core.v3.ExtraSourceAddress', ['address', 'socket_options']);
const checkOverride = honours('envoy.config.core.v3.SocketOptionsOverride', ['socket_options'], { where: 'upstream' });
const checkKeepalive = honours('envoy.config.core.v3.TcpKeepalive', [
  'keepalive_probes',
  'keepalive_time',
  'keepalive_interval',
]);

const FIELDS = 'extra_source_addresses/additional_source_addresses';

/** @param owner whose it is, as Envoy says it: `Cluster x`, `Bootstrap`. */
export function readBindConfig(
  message: BindConfig,
  at: Place,
  owner: string,
  context: ReadContext,
): UpstreamBindConfig {
  checkBind(message, at);
  const selector = message.localAddressSelector;
  if (selector !== undefined) readSelector(selector, at.field('local_address_selector'), context);
  const socketOptions = [
    ...(message.freebind === true ? FREEBIND : []),
    ...readSocketOptions(message.socketOptions, at.field('socket_options'), 'stream'),
  ];
  const extraSource = readExtra(message, at, owner);
  const source = message.sourceAddress;
  if (source === undefined) {
    if (extraSource !== undefined) {
      const words = `${owner}'s upstream binding config has extra/additional source addresses but no source_address.`;
      at.report(`${words} Extra/additional addresses cannot be specified if source_address is not set.`);
    }
    return { sourcePort: 0, socketOptions };
  }
  const { address, port } = readSocketAddress(source, at.field('source_address'));
  if (extraSource !== undefined && isIPv6(extraSource.address) === isIPv6(address)) {
    const words = `${owner}'s upstream binding config has two same IP version source addresses.`;
    const limit = 'Only two different IP version source addresses can be supported';
    at.report(`${words} ${limit} in BindConfig's source_address and ${FIELDS} fields`);
  }
  const bind = { sourceAddress: address, sourcePort: port, socketOptions };
  return extraSource === undefined ? bind : { ...bind, extraSource };
}

function readSelector({ name, typedConfig }: TypedExtensionConfig, at: Place, context: ReadContext): void {
  const place = at.field('typed_config');
  const { typeName, message } = extensionMessage(typedConfig, name, place, context);
  if (typeName !== SELECTOR) throw unknownExtension(name, typeName, place);
  checkSelector(message, place);
}

/** The other source, which may stand in either of two fields. */
function readExtra(message: BindConfig, at: Place, owner: string): UpstreamBindConfig['extraSource'] {
  const { extraSourceAddresses: extra, additionalSourceAddresses: additional } = message;
  if (extra.length > 0 && additional.length > 0) {
    const fields = '`extra_source_addresses` and `additional_source_addresses`';
    throw at.problem(`Can't specify both ${fields} in the ${owner}'s upstream binding config`);
  }
  if (extra.length + additional.length > 1) {
    const words = `${owner}'s upstream binding config has more than one extra/additional source addresses.`;
    const limit = 'Only one extra/additional source can be supported';
    throw at.problem(`${words} ${limit} in BindConfig's ${FIELDS} field`);
  }
  if (additional.length > 0) return readSource(additional[0], at.field('additional_source_addresses').index(0));
  if (extra.length === 0) return undefined;
  const place = at.field('extra_source_addresses').index(0);
  checkExtra(extra[0], place);
  if (extra[0].address === undefined) throw place.field('address').missing();
  const source = readSource(extra[0].address, place.field('address'));
  const override = extra[0].socketOptions;
  if (override === undefined) return source;
  const inside = place.field('socket_options');
  checkOverride(override, inside);
  const options = readSocketOptions(override.socketOptions, inside.field('socket_options'), 'stream');
  return { ...source, socketOptions: [...(message.freebind === true ? FREEBIND : []), ...options] };
}

function readSource(message: SocketAddress, at: Place): { address: string; port: number } {
  const { address, port } = readSocketAddress(message, at);
  return { address, port };
}

/** Numbers of probes, seconds; undefined where the system's setting stays. */
export function readTcpKeepalive(
  message: TcpKeepalive,
  at: Place,
): { probes?: number; time?: number; interval?: number } {
  checkKeepalive(message, at);
  return {
    ...(message.keepaliveProbes === undefined ? {} : { probes: message.keepaliveProbes }),
    ...(message.keepaliveTime === undefined ? {} : { time: message.keepaliveTime }),
    ...(message.keepaliveInterval === undefined ? {} : { interval: message.keepaliveInterval }),
  };
}
