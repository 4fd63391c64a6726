/**
 * TLS with clients of one filter chain on one worker: each accepted socket goes through a handshake before a filter sees it.
 * Follows extensions.transport_sockets.tls.v3.DownstreamTlsContext and config.listener.v3.FilterChain.transport_socket_connect_timeout.
 */
import { Timer } from '#base/timers.ts';
import type { DownstreamTls } from '#config/model/tls.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { FilterChainParts } from '#proxy/listeners/filter-chain-in-use.ts';
import { type ListenerStats, listenerStats } from '#proxy/observe/stats/listener-stats.ts';
import { type TlsSocketFactoryStats, tlsSocketFactoryStats } from '#proxy/observe/stats/tls-stats.ts';
import { DownstreamTlsContext } from '#proxy/tls/downstream-context.ts';
import { LiveContext, SECRETS_NOT_READY } from '#proxy/tls/live-context.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { type OwnedSocket, onread } from '#proxy/transport/owned-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

export class DownstreamTlsAcceptor {
  private readonly context: LiveContext<DownstreamTls, DownstreamTlsContext>;
  private readonly connectTimeout: number;
  private readonly stats: ListenerStats;
  private readonly factoryStats: TlsSocketFactoryStats;

  /**
   * @param connectTimeout how long a handshake may take, in milliseconds; 0: as long as it wants
   * @throws in Envoy's words, where certificates or parameters do not fit
   */
  constructor(tls: DownstreamTls, { worker, listenerScope }: FilterChainParts, connectTimeout: number) {
    const scope = worker.scope.scope(listenerScope);
    const { ticketSecret, secrets } = worker;
    this.factoryStats = tlsSocketFactoryStats(scope.scope('server_ssl_socket_factory'));
    const parts = { secrets, stats: this.factoryStats, counts: worker.index === 0 };
    this.context = new LiveContext(tls, parts, (filled) => new DownstreamTlsContext(filled, { scope, ticketSecret }));
    this.connectTimeout = connectTimeout;
    this.stats = listenerStats(scope);
  }

  /** The filter chain is gone; handshakes under way go on. */
  close(): void {
    this.context.close();
  }

  /**
   * Begins a handshake. `accepted` is used up by it.
   * @param early what was read of it before
   * @param done hears once, as an event: the socket to go on with, which reads through `onread`; undefined where there is none
   */
  accept(
    accepted: OwnedSocket,
    early: Buffer | undefined,
    connection: DownstreamConnection,
    worker: WorkerContext,
    done: (secure: OwnedSocket | undefined) => void,
  ): void {
    const context = this.context.current;
    if (context === undefined) {
      this.factoryStats.downstreamContextSecretsNotReady.inc();
      connection.transportFailureReason = SECRETS_NOT_READY;
      connection.terminationDetails = SECRETS_NOT_READY;
      accepted.destroy();
      return done(undefined);
    }
    let timer: Timer | undefined;
    const handshake = context.accept(accepted, early, onread, {
      onSecure: (socket, info) =>
        asEvent(() => {
          if (timer !== undefined) worker.timers.cancel(timer);
          connection.tls = info;
          connection.tlsCompleteMark = clock.now();
          done(socket);
        }),
      onFailure: (reason, info) =>
        asEvent(() => {
          if (timer !== undefined) worker.timers.cancel(timer);
          connection.tls = info;
          connection.transportFailureReason = reason;
          done(undefined);
        }),
    });
    connection.abandon = () => {
      if (timer !== undefined) worker.timers.cancel(timer);
      handshake.cancel();
      done(undefined);
    };
    if (this.connectTimeout <= 0) return;
    timer = new Timer(() =>
      asEvent(() => {
        this.stats.downstreamCxTransportSocketConnectTimeout.inc();
        connection.terminationDetails = 'transport socket timeout was reached';
        connection.localCloseReason = 'transport_socket_timeout';
        handshake.cancel();
        done(undefined);
      }),
    );
    worker.timers.arm(timer, this.connectTimeout);
  }
}
