/**
 * The listeners of one worker: those that serve, those made and not yet listening, and those that leave, which accept no more and drain.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/lds
 */
import { isIPv6 } from 'node:net';
import type { ListenerConfig } from '#config/model/listener.ts';
import type { ConnectionTaker, ListenerLookup } from '#proxy/listeners/listener-lookup.ts';
import type { ServedListener } from '#proxy/listeners/served-listener.ts';
import { WorkerListener } from '#proxy/listeners/worker-listener.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { closeDescriptor } from '#proxy/transport/native-sockets.ts';
import { UdpListener } from '#proxy/udp/udp-listener.ts';
import type { HandedConnection, WorkerContext } from '#proxy/worker-context.ts';
import type { BoundAddress, FilterChainUpdate, ListenPlace } from '#proxy/worker-messages.ts';

/** What listens, and the first reason why another does not. */
export interface Listening {
  bound: { [listener: string]: BoundAddress[] };
  failed?: string;
}

export class WorkerListeners implements ListenerLookup {
  private readonly worker: WorkerContext;
  /** Every listener that has not ended. */
  private readonly byId = new Map<number, ServedListener>();
  private readonly serving = new Map<string, number>();
  /** Listeners that serve by `address port`; made when it is first asked for, and again after a change. */
  private addresses: Map<string, WorkerListener> | undefined = undefined;

  constructor(worker: WorkerContext) {
    this.worker = worker;
  }

  add(id: number, config: ListenerConfig): void {
    const Listener = config.udp === undefined ? WorkerListener : UdpListener;
    this.byId.set(id, new Listener(config, this.worker));
  }

  /** The first that cannot listen ends it: those after it are left alone. */
  async listen(ids: readonly number[], places: { [listener: string]: ListenPlace[] }): Promise<Listening> {
    const bound: Listening['bound'] = {};
    for (const id of ids) {
      const listener = this.byId.get(id);
      if (listener === undefined) continue;
      const { name, bindToPort } = listener.config;
      const formerId = this.serving.get(name);
      const former = formerId === undefined ? undefined : this.byId.get(formerId);
      try {
        if (bindToPort) bound[name] = await listener.listen(places[name] ?? [], former);
      } catch (error) {
        listener.giveUp();
        return { bound, failed: (error as Error).message };
      }
      this.serving.set(name, id);
      this.addresses = undefined;
      former?.leave();
    }
    return { bound };
  }

  updateChains(update: FilterChainUpdate): void {
    this.served(update.listener)?.updateChains(update);
  }

  endChains(listener: string, update: number): void {
    this.served(listener)?.endChains(update);
  }

  leave(id: number): void {
    this.byId.get(id)?.leave();
    this.forget(id);
  }

  end(id: number): void {
    this.byId.get(id)?.end();
    this.byId.delete(id);
    this.forget(id);
  }

  /** Nothing more is accepted. */
  stop(inboundOnly: boolean): void {
    for (const listener of this.byId.values()) {
      if (!inboundOnly || listener.config.trafficDirection === 'INBOUND') listener.stop();
    }
  }

  /** Connections close as their requests end; idle ones at once. */
  drain(): void {
    for (const listener of this.byId.values()) listener.drain();
  }

  byAddress(address: string, port: number): ConnectionTaker | undefined {
    this.addresses ??= this.listAddresses();
    const places = isIPv6(address) ? [address, '::'] : [address, '0.0.0.0', '::ffff'];
    for (const place of places) {
      const found = this.addresses.get(`${place} ${port}`);
      if (found?.stopped === false) return found.entry;
    }
    return undefined;
  }

  /** A connection that another worker accepted for us. Where its listener is gone, it is closed. */
  takeOver({ listener, fd, admission }: HandedConnection): void {
    const found = this.served(listener);
    if (found instanceof WorkerListener) {
      asEvent(() => found.entry.takeOver(fd));
      return;
    }
    closeDescriptor(fd);
    this.worker.connections.give(admission);
  }

  internal(name: string): ConnectionTaker | undefined {
    const found = this.served(name);
    if (!(found instanceof WorkerListener) || found.stopped) return undefined;
    return found.config.addresses[0].kind === 'internal' ? found.entry : undefined;
  }

  private listAddresses(): Map<string, WorkerListener> {
    const all = new Map<string, WorkerListener>();
    for (const id of this.serving.values()) {
      const listener = this.byId.get(id);
      if (!(listener instanceof WorkerListener)) continue;
      for (const address of listener.config.addresses) {
        if (address.kind !== 'ip') continue;
        all.set(`${address.address} ${address.port}`, listener);
        // Such a one takes IPv4 too.
        if (address.address === '::' && address.ipv4Compat) all.set(`::ffff ${address.port}`, listener);
      }
    }
    return all;
  }

  private served(name: string): ServedListener | undefined {
    const id = this.serving.get(name);
    return id === undefined ? undefined : this.byId.get(id);
  }

  private forget(id: number): void {
    for (const [name, serving] of this.serving) if (serving === id) this.serving.delete(name);
    this.addresses = undefined;
  }
}
