/**
 * One version of a listener on the main thread, and how it differs from another.
 */
import { wireFields } from '#api/wire-fields.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import { InitManager } from '#proxy/init-manager.ts';
import type { Given } from '#proxy/resource-origin.ts';
import type { FilterChainUpdate } from '#proxy/worker-messages.ts';

/** Fields of config.listener.v3.Listener that may change in place. */
const FILTER_CHAINS = 3;
const DEFAULT_FILTER_CHAIN = 25;
const FILTER_CHAIN_MATCHER = 32;

/** A listener's message in parts, as text that can be compared. */
interface Parts {
  chains: string[];
  defaultChain: string;
  rest: string;
}

export class ServerListener {
  readonly id: number;
  readonly config: ListenerConfig;
  /** Undefined: it stands in the bootstrap. */
  readonly given: Given | undefined;
  readonly init: InitManager;
  /** Where it listens; a port 0 is replaced. */
  bound: Address[] = [];
  /** Lets go of what it needs. */
  release: () => void = () => {};
  private parts: Parts | undefined = undefined;

  constructor(id: number, config: ListenerConfig, given: Given | undefined) {
    this.id = id;
    this.config = config;
    this.given = given;
    this.init = new InitManager(`init manager Listener-local-init-manager ${config.name} ${id}`);
  }

  get name(): string {
    return this.config.name;
  }

  /** The version with the same sockets, filters of the listener and so on as `former`, and other filter chains; undefined where it is not. */
  chainsOver(former: ServerListener): Omit<FilterChainUpdate, 'update'> | undefined {
    const [now, before] = [this.split(), former.split()];
    if (now === undefined || before === undefined || now.rest !== before.rest) return undefined;
    if (!sameFilters(this.config, former.config)) return undefined;
    const { filterChains, defaultFilterChain, ...config } = this.config;
    const free = new Map<string, number[]>();
    for (const [i, text] of before.chains.entries()) free.set(text, [...(free.get(text) ?? []), i]);
    return {
      listener: this.name,
      config,
      filterChains: filterChains.map((chain, i) => free.get(now.chains[i])?.shift() ?? chain),
      defaultFilterChain:
        defaultFilterChain !== undefined && now.defaultChain === before.defaultChain ? 'kept' : defaultFilterChain,
    };
  }

  /** Whether both would listen at one address. */
  conflictsWith(other: ServerListener): boolean {
    if (!this.config.bindToPort || !other.config.bindToPort) return false;
    const taken = new Set(other.config.addresses.map(addressText));
    return this.config.addresses.some((address) => !isAnyPort(address) && taken.has(addressText(address)));
  }

  private split(): Parts | undefined {
    if (this.given === undefined) return undefined;
    this.parts ??= partsOf(this.given.bytes);
    return this.parts;
  }
}

/** Filters that the reader put before the chains go by what the chains ask for. */
function sameFilters({ listenerFilters: a }: ListenerConfig, { listenerFilters: b }: ListenerConfig): boolean {
  return a.length === b.length && a.every(({ typeUrl }, i) => typeUrl === b[i].typeUrl);
}

function isAnyPort(address: Address): boolean {
  return address.kind === 'ip' && address.port === 0;
}

function partsOf(bytes: Uint8Array): Parts {
  const parts: Parts = { chains: [], defaultChain: '', rest: '' };
  for (const { number, value, start, end } of wireFields(bytes) ?? []) {
    if (number === FILTER_CHAINS) parts.chains.push(textOf(value));
    else if (number === DEFAULT_FILTER_CHAIN) parts.defaultChain = textOf(value);
    else if (number !== FILTER_CHAIN_MATCHER) parts.rest += textOf(bytes.subarray(start, end));
  }
  return parts;
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice();
}
