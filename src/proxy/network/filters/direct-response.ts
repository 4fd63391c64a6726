/**
 * Says what is configured and closes. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/direct_response_filter
 */
import { readDataSource } from '#config/read/data-source.ts';
import { honours } from '#config/read/support.ts';
import type { Config as DirectResponse } from '#envoy/extensions/filters/network/direct_response/v3/config_pb.js';
import { terminalFilter } from '#proxy/network/network-filter.ts';
import { SimpleTerminal } from '#proxy/network/simple-terminal.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';

const MESSAGE = 'envoy.extensions.filters.network.direct_response.v3.Config';
const check = honours(MESSAGE, ['response']);

export const directResponse = terminalFilter<{ response: Uint8Array }>({
  name: 'envoy.filters.network.direct_response',
  message: MESSAGE,
  config(message: DirectResponse, at, context) {
    check(message, at);
    const { response } = message;
    return {
      response:
        response === undefined ? new Uint8Array(0) : readDataSource(response, at.field('response'), context).bytes,
    };
  },
  use: ({ response }) =>
    new SimpleTerminal((socket, connection) => {
      connection.closedByUs = true;
      connection.stream.responseCodeDetails = 'direct_response';
      if (response.length > 0) socket.write(response);
      socket.destroySoon();
      return DEAF;
    }),
});

/** What the client says is read and forgotten. */
const DEAF: SocketOwner = { onRead() {}, onEnd() {}, onDrain() {}, onClose() {} };
