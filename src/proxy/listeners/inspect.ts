/**
 * Listener filters: what is found out about a connection from its first bytes, before a filter chain is chosen. What was read goes back
 * into the socket. Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/tls_inspector
 */
import type { Socket } from 'node:net';
import { Timer } from '#base/timers.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import { parseClientHello } from '#wire/tls/client-hello.ts';

export interface Inspection {
  /** Whether connections must be looked at. */
  needed: boolean;
  /** Looks; `done` hears whether the connection may go on. The socket is paused again, with all its bytes still to be read. */
  run(socket: Socket, connection: DownstreamConnection, worker: WorkerContext, done: (ready: boolean) => void): void;
}

const TLS_INSPECTOR = 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector';
/** A client hello is not larger than this. */
const HELLO_LIMIT = 16 * 1024 + 5;

export function inspect(config: ListenerConfig): Inspection {
  const needed = config.listenerFilters.some((filter) => filter.typeUrl.endsWith(TLS_INSPECTOR));
  return {
    needed,
    run(socket, connection, worker, done) {
      let seen: Buffer = Buffer.alloc(0);
      let over = false;
      const timer = new Timer(() => asEvent(() => finish(config.continueOnListenerFiltersTimeout)));
      const finish = (ready: boolean) => {
        if (over) return;
        over = true;
        worker.timers.cancel(timer);
        socket.off('readable', onReadable);
        socket.off('end', onEnd);
        socket.off('error', onEnd);
        if (seen.length > 0 && ready) socket.unshift(seen);
        if (!ready) socket.destroy();
        done(ready);
      };
      const onEnd = () => asEvent(() => finish(false));
      const onReadable = () => {
        const chunk = socket.read() as Buffer | null;
        if (chunk === null) return;
        seen = Buffer.concat([seen, chunk]);
        const hello = parseClientHello(seen);
        if (hello.kind === 'incomplete' && seen.length < HELLO_LIMIT) return;
        if (hello.kind === 'hello') {
          connection.transportProtocol = 'tls';
          connection.serverName = hello.serverName.toLowerCase();
          connection.applicationProtocols = hello.alpn;
        }
        asEvent(() => finish(true));
      };
      socket.on('readable', onReadable);
      socket.on('end', onEnd);
      socket.on('error', onEnd);
      if (config.listenerFiltersTimeout > 0) worker.timers.arm(timer, config.listenerFiltersTimeout);
    },
  };
}
