/**
 * What the listeners of a worker are to it, whatever they listen for.
 */
import type { ListenerConfig } from '#config/model/listener.ts';
import type { BoundAddress, FilterChainUpdate, ListenPlace } from '#proxy/worker-messages.ts';

export interface ServedListener {
  readonly config: ListenerConfig;
  /**
   * Listens on every address. A port 0 is chosen by the system.
   * @param places for each address, where the others of this process or of the one before listen already
   * @param former the listener that this one replaces: its sockets are taken over where that can be
   * @throws with Envoy's words where an address cannot be bound: then the former one still serves
   */
  listen(places: readonly ListenPlace[], former?: ServedListener): Promise<BoundAddress[]>;
  /** It could not listen: what it opened is closed. */
  giveUp(): void;
  updateChains(update: FilterChainUpdate): void;
  endChains(update: number): void;
  /** It is removed or replaced: nothing more is accepted, connections drain. */
  leave(): void;
  /** The drain time is over. */
  end(): void;
  /** Stops accepting. */
  stop(): void;
  /** From now on connections close as their requests end; idle ones at once. */
  drain(): void;
}
