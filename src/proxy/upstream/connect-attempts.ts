/**
 * The attempts of one connection to a host with several addresses: each counts as a connection, and starts from the source of its
 * address's family, which Node does for hosts with one address alone.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/happy_eyeballs
 */
import { isIPv6, type Socket } from 'node:net';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { UpstreamBindConfig } from '#config/model/cluster.ts';
import { sourceFor } from '#proxy/upstream/connect-target.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';

/** What Node has below a socket that is about to connect. Its methods answer with an error's number, or 0. */
interface TcpHandle {
  bind(address: string, port: number): number;
  bind6(address: string, port: number, flags: number): number;
  connect(): number;
  connect6(): number;
}

type AttemptError = NodeJS.ErrnoException & { address?: string; port?: number };

export function followAttempts(socket: Socket, { cluster, host }: UpstreamConnection): void {
  const { bind } = cluster.config;
  let attempts = 0;
  socket.on('connectionAttempt', (address) => {
    if (attempts++ > 0) {
      cluster.stats.upstreamCxTotal.inc();
      host.stats.cxTotal.inc();
    }
    // A socket with options tries one address alone, and has its source.
    const triesSeveral = socket.autoSelectFamilyAttemptedAddresses !== undefined;
    if (triesSeveral && bind?.sourceAddress !== undefined) startFrom(socket, address, bind);
  });
}

/** An attempt that cannot start there fails with what binding said; the next one follows. */
function startFrom(socket: Socket, address: string, bind: UpstreamBindConfig): void {
  const { localAddress = '', localPort = 0 } = sourceFor(address, bind);
  const handle = (socket as unknown as { _handle: TcpHandle })._handle;
  const number = bindTo(handle, localAddress, localPort, address);
  if (number === 0) return;
  const fail = () => number;
  handle.connect = fail;
  handle.connect6 = fail;
  socket.once('connectionAttemptFailed', (_address, _port, _family, error: AttemptError) => {
    Object.assign(error, { syscall: 'bind', code: getSystemErrorName(number), errno: number });
    Object.assign(error, { address: localAddress, port: localPort });
  });
}

function bindTo(handle: TcpHandle, localAddress: string, localPort: number, address: string): number {
  const family = isIPv6(localAddress);
  // The socket would become one of the other family.
  if (family !== isIPv6(address)) return -constants.errno.EINVAL;
  return family ? handle.bind6(localAddress, localPort, 0) : handle.bind(localAddress, localPort);
}
