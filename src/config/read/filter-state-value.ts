/**
 * Filter state that is set from a format. Follows envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/well_known_filter_state
 */
import type { Place } from '#api/place.ts';
import type { FilterStateValue } from '#config/model/filter-state.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readFormat } from '#config/read/format.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { FilterStateValue as Message } from '#envoy/extensions/filters/common/set_filter_state/v3/value_pb.js';

const check = honours('envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue', [
  'object_key',
  'factory_key',
  'format_string',
  'read_only',
  'skip_if_empty',
  'shared_with_upstream',
]);

/** By number of FilterStateValue.SharedWithUpstream. */
const SHARED = ['NONE', 'ONCE', 'TRANSITIVE'] as const;

/** Envoy's object factories; `false`: what it makes is looked at by nobody here yet. */
const FACTORIES: { readonly [name: string]: boolean } = {
  'envoy.string': true,
  'envoy.hashable_string': true,
  'envoy.bool': true,
  'envoy.network.ip': true,
  'envoy.tcp_proxy.cluster': true,
  'envoy.tcp_proxy.disable_tunneling': true,
  'envoy.tcp_proxy.per_connection_idle_timeout_ms': true,
  'envoy.network.upstream_server_name': true,
  'envoy.network.application_protocols': true,
  'envoy.network.transport_socket.original_dst_address': true,
  'envoy.upstream.dynamic_host': true,
  'envoy.upstream.dynamic_port': true,
  'envoy.ratelimit.hits_addend': true,
  'envoy.network.upstream_subject_alt_names': false,
  'envoy.filters.listener.original_dst.local_ip': true,
  'envoy.filters.listener.original_dst.remote_ip': true,
  'envoy.network.network_namespace': false,
};

export function readFilterStateValues(messages: readonly Message[], at: Place, context: ReadContext) {
  return readAll(messages, at, (message, place) => readFilterStateValue(message, place, context));
}

function readFilterStateValue(message: Message, at: Place, context: ReadContext): FilterStateValue {
  check(message, at);
  const key = message.key.value ?? '';
  const factory = message.factoryKey === '' ? key : message.factoryKey;
  const place = at.field(message.factoryKey === '' ? 'object_key' : 'factory_key');
  if (!Object.hasOwn(FACTORIES, factory)) throw place.problem(`'${factory}' does not have an object factory`);
  if (!FACTORIES[factory]) throw place.problem(`filter state '${factory}' is not supported by Fairlead yet`);
  if (message.value.case !== 'formatString') throw at.field('format_string').missing();
  return {
    key,
    factory,
    format: readFormat(message.value.value, at.field('format_string'), context),
    skipIfEmpty: message.skipIfEmpty,
    readOnly: message.readOnly,
    shared: SHARED[message.sharedWithUpstream] ?? 'NONE',
  };
}
