/**
 * The sockets of one worker at one address of a listener. What they accept goes to their owner: a listener that replaces another takes
 * over its sockets, so that no connection is refused in between.
 */
import { createServer, type ListenOptions, type Server } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { logger } from '#base/logger.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import type { SocketOption } from '#config/model/socket-option.ts';
import { bindError } from '#proxy/listeners/bind-error.ts';
import { openListenDescriptor } from '#proxy/listeners/listen-descriptor.ts';
import { pathToBind, settlePath } from '#proxy/listeners/unix-path.ts';
import { onAccept } from '#proxy/transport/accepted-handles.ts';
import { applySocketOptions } from '#proxy/transport/apply-socket-options.ts';
import { descriptorOf } from '#proxy/transport/handle-channel.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { type OwnedSocket, onHandle } from '#proxy/transport/owned-socket.ts';
import type { BoundAddress, ListenPlace } from '#proxy/worker-messages.ts';

/** Who gets the connections. */
export interface SocketAcceptor {
  readonly config: ListenerConfig;
  /** @param socket without an owner, and not read yet */
  accept(socket: OwnedSocket, address: Address): void;
}

export class ListenSocket {
  /** As configured: port 0 is any. */
  readonly address: Address;
  owner: SocketAcceptor;
  private readonly options: readonly SocketOption[];
  private readonly mptcp: boolean;
  private readonly reusable: boolean;
  private servers: Server[] = [];

  /** @param options in the order in which they are set */
  constructor(address: Address, options: readonly SocketOption[], owner: SocketAcceptor) {
    this.address = address;
    this.options = options;
    this.mptcp = owner.config.mptcp;
    this.owner = owner;
    // Several workers, or several processes as with Envoy, have sockets of their own at an address; else workers share one socket.
    this.reusable = address.kind === 'ip' && owner.config.enableReusePort;
  }

  /** Whether a listener with this configuration can go on with the sockets for an address of its own. */
  serves(address: Address, options: readonly SocketOption[], config: ListenerConfig): boolean {
    return (
      this.mptcp === config.mptcp &&
      isDeepStrictEqual(this.options, options) &&
      addressText(address) === addressText(this.address) &&
      this.reusable === (address.kind === 'ip' && config.enableReusePort)
    );
  }

  /** @throws with Envoy's words where the address cannot be bound */
  async open({ port, fds }: ListenPlace): Promise<void> {
    if (fds.length > 0) await Promise.all(fds.map((fd) => this.listen({ fd })));
    else if (this.options.length > 0 || this.mptcp) await this.listen({ fd: this.prepare(port) });
    else await this.listen(this.target(port));
    for (const server of this.servers) this.finish(server);
  }

  get bound(): BoundAddress {
    const { address } = this;
    return {
      address: boundAddress(address, this.servers[0]),
      fds: this.servers.map(descriptorOf),
      kind: address.kind === 'ip' ? 'tcp' : 'pipe',
      reusable: this.reusable,
    };
  }

  /** A unix socket's path stays, as with Envoy: another process may listen there by now. */
  close(): void {
    for (const server of this.servers) server.close();
    this.servers = [];
  }

  private finish(server: Server): void {
    const { address, options } = this;
    if (options.length === 0) return;
    try {
      applySocketOptions(descriptorOf(server), address, options, 'LISTENING');
    } catch {
      throw new Error(`cannot set post-listen socket option on socket: ${addressText(address)}`);
    }
  }

  /** A socket with its options set, bound and not listening yet, for Node to go on with. */
  private prepare(port: number): number {
    const { address, mptcp, options, reusable } = this;
    const { name } = this.owner.config;
    if (address.kind !== 'ip') throw new Error(`${name}: socket options are for IP addresses`);
    return openListenDescriptor(
      { ...address, port: address.port || port },
      { mptcp, options, reusable, listener: name },
    );
  }

  private target(port: number): ListenOptions {
    const { address } = this;
    if (address.kind === 'pipe') return { path: pathToBind(address.path) };
    if (address.kind === 'internal') throw new Error(`internal address ${address.name} is not served`);
    return {
      host: address.address,
      port: address.port || port,
      reusePort: this.reusable,
      ipv6Only: !address.ipv4Compat,
    };
  }

  private listen(target: ListenOptions & { fd?: number }): Promise<void> {
    const { address } = this;
    const server = createServer();
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(bindError(address, error)));
      const backlog = this.owner.config.tcpBacklogSize ?? 4096;
      // Node takes the backlog of a socket that is there already from an argument of its own.
      (server.listen as (...args: unknown[]) => void).call(server, { ...target, backlog }, backlog, () => {
        server.removeAllListeners('error');
        onAccept(server, (handle) => asEvent(() => this.owner.accept(onHandle(handle), address)));
        if (address.kind === 'pipe' && target.fd === undefined) settlePath(address, String(target.path));
        server.on('error', (error) =>
          logger('conn_handler').warning(`listener '${this.owner.config.name}': ${error.message}`),
        );
        resolve();
      });
    });
  }
}

function boundAddress(address: Address, server: Server): Address {
  const now = server.address();
  return address.kind === 'ip' && typeof now === 'object' && now !== null ? { ...address, port: now.port } : address;
}
