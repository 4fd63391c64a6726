/**
 * The TCP proxy: carries each connection to a host of a cluster, byte for byte.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter
 */
import type { Socket } from 'node:net';
import type { TcpProxyConfig } from '#config/model/tcp-proxy.ts';
import { readTcpProxy, TCP_PROXY } from '#config/read/tcp-proxy.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { FilterChainParts } from '#proxy/listeners/filter-chain-in-use.ts';
import { type TerminalInUse, terminalFilter } from '#proxy/network/network-filter.ts';
import { TunnelMaker } from '#proxy/network/tcp-proxy/http-tunnel.ts';
import { TcpSession } from '#proxy/network/tcp-proxy/tcp-session.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import { compileAccessLogs } from '#proxy/observe/access-log/compile-access-logs.ts';
import { type TcpStats, tcpStats } from '#proxy/observe/stats/tcp-stats.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

export const tcpProxy = terminalFilter<TcpProxyConfig>({
  name: 'envoy.filters.network.tcp_proxy',
  message: TCP_PROXY,
  config: (message, at, context) => readTcpProxy(message, at, context),
  use: (config, parts) => new TcpProxyInUse(config, parts),
});

/** What a connection is over by, in its access log. */
export type TcpLogType = 'TcpConnectionStart' | 'TcpUpstreamConnected' | 'TcpPeriodic' | 'TcpConnectionEnd';

export class TcpProxyInUse implements TerminalInUse {
  readonly halfClose = true;
  active = 0;
  readonly config: TcpProxyConfig;
  readonly worker: WorkerContext;
  readonly stats: TcpStats;
  readonly drainsNow: () => boolean;
  /** Undefined: connections go as they are. */
  readonly tunnels: TunnelMaker | undefined;
  /** Those that are open; each takes itself out. */
  readonly sessions = new Set<TcpSession>();
  private readonly accessLogs: AccessLogger[];

  constructor(config: TcpProxyConfig, { worker, drainsNow }: FilterChainParts) {
    this.config = config;
    this.worker = worker;
    this.drainsNow = drainsNow;
    this.tunnels = config.tunneling === undefined ? undefined : new TunnelMaker(config.tunneling);
    this.stats = tcpStats(worker.scope.scope(`tcp.${config.statPrefix}`));
    this.accessLogs = compileAccessLogs(config.accessLog, {
      scope: worker.scope,
      timers: worker.timers,
      runtime: worker.runtime,
      files: worker.logFiles,
    });
  }

  begin(connection: DownstreamConnection): boolean {
    this.active++;
    this.stats.downstreamCxTotal.inc();
    if (this.config.logsStart) this.writeLog(connection, 'TcpConnectionStart');
    return true;
  }

  lost(connection: DownstreamConnection): void {
    this.over(connection);
  }

  accept(socket: Socket, connection: DownstreamConnection): TcpSession {
    const session = new TcpSession(this, socket, connection);
    this.sessions.add(session);
    return session;
  }

  /** The connection is gone. */
  over(connection: DownstreamConnection): void {
    this.active--;
    connection.stream.marks.complete = clock.now();
    this.writeLog(connection, 'TcpConnectionEnd');
  }

  writeLog({ stream }: DownstreamConnection, type: TcpLogType): void {
    if (this.accessLogs.length === 0) return;
    stream.accessLogType = type;
    for (const log of this.accessLogs) log.log(stream);
  }

  /** Connections end when their peers are done, also while the listener drains. */
  drain(): void {}

  closeAll(): void {
    for (const session of [...this.sessions]) session.close();
  }
}
