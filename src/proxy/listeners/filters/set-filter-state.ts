/**
 * Sets filter state of a connection that was just accepted.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/set_filter_state
 */
import { readFilterStateValues } from '#config/read/filter-state-value.ts';
import { honours } from '#config/read/support.ts';
import type { Config as Message } from '#envoy/extensions/filters/listener/set_filter_state/v3/set_filter_state_pb.js';
import { Continue, listenerFilter } from '#proxy/listeners/listener-filter.ts';
import { FilterStateSetter } from '#proxy/network/filter-state-setter.ts';

const TYPE = 'envoy.extensions.filters.listener.set_filter_state.v3.Config';
const check = honours(TYPE, ['on_accept']);

export const setFilterState = listenerFilter({
  name: 'envoy.filters.listener.set_filter_state',
  message: TYPE,

  config(message: Message, at, context) {
    check(message, at);
    return { onAccept: readFilterStateValues(message.onAccept, at.field('on_accept'), context) };
  },

  prepare: ({ onAccept }) => new FilterStateSetter(onAccept),

  accept({ connection }, { prepared }) {
    connection.filterState ??= new Map();
    prepared.apply(connection.stream, connection.filterState, (key, how) => connection.shareState(key, how));
    return Continue;
  },
});
