/**
 * The connection manager as a network filter: a codec for each connection.
 */
import type { Socket } from 'node:net';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import { httpConnectionManagerReader } from '#config/read/http-connection-manager.ts';
import { chooseCodec } from '#proxy/http/codec-choice.ts';
import { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { discoveredKeys, filtersInUse } from '#proxy/http/filters-in-use.ts';
import { compileLocalReply } from '#proxy/http/local-reply.ts';
import type { FilterChainParts } from '#proxy/listeners/filter-chain-in-use.ts';
import { type TerminalInUse, terminalFilter } from '#proxy/network/network-filter.ts';
import { compileAccessLogs } from '#proxy/observe/access-log/compile-access-logs.ts';

export const httpConnectionManager = terminalFilter({
  name: httpConnectionManagerReader.name,
  message: httpConnectionManagerReader.message,
  config: (message, at, context) => httpConnectionManagerReader.read(message, at, context) as HttpConnectionManager,
  use: httpNetworkFilter,
});

function httpNetworkFilter(config: HttpConnectionManager, parts: FilterChainParts): TerminalInUse {
  const { worker } = parts;
  const logContext = {
    scope: worker.scope,
    timers: worker.timers,
    runtime: worker.runtime,
    files: worker.logFiles,
  };
  const chain = filtersInUse(config, worker.scope, worker.extensions);
  const manager = new ConnectionManager(config, {
    ...parts,
    ...chain,
    upstreamLogs: compileAccessLogs(chain.router.upstreamLog, logContext),
    accessLogs: compileAccessLogs(config.accessLog, logContext),
    localReply: compileLocalReply(config.localReply, logContext),
  });
  const stop = worker.extensions.onChange(discoveredKeys(config), () =>
    manager.setFilters(filtersInUse(config, worker.scope, worker.extensions)),
  );
  return {
    begin(connection) {
      manager.connections.onBegin(connection);
      return true;
    },
    lost: (connection, closedByUs) => manager.connections.onEnd(connection, closedByUs),
    accept: (socket: Socket, connection) => chooseCodec(socket, connection, manager),
    drain: () => manager.connections.drainAll(),
    closeAll: () => {
      stop();
      manager.connections.closeAll();
    },
    get active() {
      return manager.connections.size;
    },
  };
}
