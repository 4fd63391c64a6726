/**
 * Sets filter state of a connection: when it begins, when TLS is agreed on, when its client says something.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/set_filter_state
 */
import type { FilterStateValue } from '#config/model/filter-state.ts';
import { readFilterStateValues } from '#config/read/filter-state-value.ts';
import { honours } from '#config/read/support.ts';
import type { Config as Message } from '#envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { FilterStateSetter } from '#proxy/network/filter-state-setter.ts';
import { Continue, networkFilter } from '#proxy/network/network-filter.ts';

const MESSAGE = 'envoy.extensions.filters.network.set_filter_state.v3.Config';
const check = honours(MESSAGE, ['on_new_connection', 'on_downstream_tls_handshake', 'on_downstream_data']);

interface Config {
  onNewConnection: FilterStateValue[];
  onTlsHandshake: FilterStateValue[];
  onData: FilterStateValue[];
}

interface Prepared {
  onNewConnection: FilterStateSetter;
  onTlsHandshake: FilterStateSetter;
  onData: FilterStateSetter;
}

export const setFilterState = networkFilter<Config, undefined, Prepared>({
  name: 'envoy.filters.network.set_filter_state',
  message: MESSAGE,
  config(message: Message, at, context) {
    check(message, at);
    const { onNewConnection, onDownstreamTlsHandshake, onDownstreamData } = message;
    return {
      onNewConnection: readFilterStateValues(onNewConnection, at.field('on_new_connection'), context),
      onTlsHandshake: readFilterStateValues(onDownstreamTlsHandshake, at.field('on_downstream_tls_handshake'), context),
      onData: readFilterStateValues(onDownstreamData, at.field('on_downstream_data'), context),
    };
  },
  prepare: ({ onNewConnection, onTlsHandshake, onData }) => ({
    onNewConnection: new FilterStateSetter(onNewConnection),
    onTlsHandshake: new FilterStateSetter(onTlsHandshake),
    onData: new FilterStateSetter(onData),
  }),

  onNewConnection({ connection }, { prepared }) {
    apply(prepared.onNewConnection, connection);
    return Continue;
  },
  onSecured({ connection }, { prepared }) {
    apply(prepared.onTlsHandshake, connection);
  },
  onData(run, { index, prepared }) {
    if (run.state[index] === undefined) {
      run.state[index] = true;
      apply(prepared.onData, run.connection);
    }
    return Continue;
  },
});

function apply(setter: FilterStateSetter, connection: DownstreamConnection): void {
  if (setter.empty) return;
  connection.filterState ??= new Map();
  setter.apply(connection.stream, connection.filterState, (key, how) => connection.shareState(key, how));
}
