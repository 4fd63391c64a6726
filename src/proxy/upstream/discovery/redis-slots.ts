/**
 * Members by Redis itself: one of them says who has which slots, again and again.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis#redis-cluster-support-experimental
 */
import { connect, isIP, type Socket } from 'node:net';
import type { Address } from '#config/model/address.ts';
import { addressText } from '#config/model/address.ts';
import type { ClusterConfig, Endpoint } from '#config/model/cluster.ts';
import { type ClusterStats, clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Discovery } from '#proxy/upstream/discovery/discover.ts';
import type { DnsParts } from '#proxy/upstream/discovery/strict-dns.ts';
import { type HostSetUpdate, type HostShard, type HostUpdate, oneLocality } from '#proxy/upstream/host-set-update.ts';
import { readClusterSlots, type SlotNode, type SlotRange } from '#wire/redis/cluster-slots.ts';
import { RespReader } from '#wire/redis/resp-reader.ts';
import { encodeCommand, parseResp, type RespValue } from '#wire/redis/resp-value.ts';

type Options = Extract<ClusterConfig['discovery'], { kind: 'REDIS' }>;
type IpAddress = Extract<Address, { kind: 'ip' }>;

/** What may come of slots that are others by now: where it is counted in the options. */
export type RedisTrouble = 'redirections' | 'failures';

const CLUSTER_SLOTS = encodeCommand(['CLUSTER', 'SLOTS']);

export class RedisSlots implements Discovery {
  private readonly config: ClusterConfig;
  private readonly options: Options;
  private readonly parts: DnsParts;
  private readonly stats: ClusterStats;
  private readonly seeds: Endpoint[];
  /** Who was named last. */
  private members: IpAddress[] = [];
  private last = '';
  private cancel: () => void = () => {};
  private stopped = false;
  private ready = false;
  /** Nobody is asked at this moment. */
  private idle = false;
  /** Since the last early refresh. */
  private counts: Record<RedisTrouble, number> = { redirections: 0, failures: 0 };
  /** An early refresh was not long ago: undefined where there was none. */
  private endQuiet: (() => void) | undefined = undefined;

  constructor(config: ClusterConfig, options: Options, parts: DnsParts) {
    this.config = config;
    this.options = options;
    this.parts = parts;
    this.stats = clusterStats(parts.scope);
    this.seeds = config.loadAssignment?.endpoints.flatMap(({ endpoints }) => endpoints) ?? [];
    this.begin();
    if (this.seeds.length === 0 || !config.waitForWarmOnInit) this.becomeReady();
  }

  stop(): void {
    this.stopped = true;
    this.cancel();
    this.endQuiet?.();
  }

  /** Enough of that, and the slots are asked for at once. */
  wentWrong(what: RedisTrouble): void {
    const { early } = this.options;
    if (this.stopped || this.endQuiet !== undefined || early[what] === 0 || ++this.counts[what] < early[what]) return;
    this.counts = { redirections: 0, failures: 0 };
    if (early.interval > 0) {
      this.endQuiet = this.parts.schedule(early.interval, () => {
        this.endQuiet = undefined;
      });
    }
    if (!this.idle) return;
    this.cancel();
    this.begin();
  }

  /** Asks a member at random; while none is known, one that the configuration names. */
  private begin(): void {
    if (this.stopped) return;
    this.idle = false;
    const { random } = this.parts;
    this.stats.updateAttempt.inc();
    if (this.members.length > 0) return this.ask(this.members[random.uint32() % this.members.length]);
    const seed = this.seeds[random.uint32() % Math.max(1, this.seeds.length)]?.address;
    if (seed?.kind !== 'ip') return this.failed();
    if (isIP(seed.address) !== 0) return this.ask(seed);
    this.cancel = this.parts.resolver.resolve(seed.address, this.options.dns.lookupFamily, ({ addresses }) => {
      if (addresses.length === 0) this.failed();
      else this.ask({ ...seed, address: addresses[0].address });
    });
  }

  private ask(member: IpAddress): void {
    const asking = new SlotsQuery(member, this.config, this.options.refreshTimeout, this.parts, (answer) => {
      const ranges = answer === undefined ? undefined : readClusterSlots(answer);
      const update = ranges && updateOf(this.config.name, ranges, member);
      if (update === undefined) this.failed();
      else this.take(update);
    });
    this.cancel = () => asking.stop();
  }

  private take({ update, members }: Found): void {
    this.members = members;
    const text = JSON.stringify(update);
    if (text === this.last) this.stats.updateNoRebuild.inc();
    else {
      this.last = text;
      this.parts.onUpdate(update);
    }
    this.later();
  }

  private failed(): void {
    this.stats.updateFailure.inc();
    // Whoever was asked may be gone, and all others: the configuration knows some again.
    this.members = [];
    this.later();
  }

  private later(): void {
    this.idle = true;
    this.cancel = this.parts.schedule(this.options.refreshRate, () => this.begin());
    this.becomeReady();
  }

  private becomeReady(): void {
    if (this.ready) return;
    this.ready = true;
    this.parts.onReady();
  }
}

interface Found {
  update: HostSetUpdate;
  members: IpAddress[];
}

/** @param asked who answered: a node without a name is that one. @returns undefined where a node has a name that is no address */
function updateOf(cluster: string, ranges: readonly SlotRange[], asked: IpAddress): Found | undefined {
  const members = new Map<string, IpAddress>();
  const shards = new Map<string, HostShard>();
  const keyOf = ({ host, port }: SlotNode): string | undefined => {
    const address: IpAddress = { ...asked, address: host === '' ? asked.address : host, port };
    if (isIP(address.address) === 0) return undefined;
    const key = addressText(address);
    members.set(key, address);
    return key;
  };
  for (const { first, last, primary, replicas } of ranges) {
    const [key, ...others] = [primary, ...replicas].map(keyOf);
    if (key === undefined || others.includes(undefined)) return undefined;
    const shard = shards.get(key) ?? { slots: [], primary: key, replicas: others as string[] };
    shard.slots.push([first, last]);
    shards.set(key, shard);
  }
  const hosts = [...members.values()].map(hostAt).sort((one, other) => (keyText(one) < keyText(other) ? -1 : 1));
  return { members: [...members.values()], update: { ...oneLocality(cluster, hosts), shards: [...shards.values()] } };
}

function hostAt(address: IpAddress): HostUpdate {
  return { address, additionalAddresses: [], hostname: '', weight: 1, metadata: {}, healthFlags: 0 };
}

function keyText({ address }: HostUpdate): string {
  return addressText(address);
}

/** One question to one member. */
class SlotsQuery {
  private readonly socket: Socket;
  private readonly reader = new RespReader(false);
  private readonly cancelTimeout: () => void;
  private readonly done: (answer: RespValue | undefined) => void;
  /** Answers to come: to AUTH, where there is a password, and then. */
  private waiting = 1;
  private over = false;

  /** @param done gets undefined where there is no answer */
  constructor(
    { address, port }: IpAddress,
    { redis }: ClusterConfig,
    timeout: number,
    { schedule }: DnsParts,
    done: (answer: RespValue | undefined) => void,
  ) {
    this.done = done;
    this.cancelTimeout = schedule(timeout, () => this.end(undefined));
    this.socket = connect(port, address);
    this.socket.on('error', () => this.end(undefined));
    this.socket.on('close', () => this.end(undefined));
    this.socket.on('data', (bytes) => this.onData(bytes as Buffer));
    if (redis !== undefined && redis.authPassword !== '') {
      const names = redis.authUsername === '' ? [] : [redis.authUsername];
      this.socket.write(encodeCommand(['auth', ...names, redis.authPassword]));
      this.waiting++;
    }
    this.socket.write(CLUSTER_SLOTS);
  }

  stop(): void {
    this.over = true;
    this.cancelTimeout();
    this.socket.destroy();
  }

  private onData(bytes: Buffer): void {
    try {
      this.reader.push(bytes);
      for (let value = this.reader.next(); value !== undefined && !this.over; value = this.reader.next())
        if (--this.waiting === 0) this.end(parseResp(value));
    } catch {
      this.end(undefined);
    }
  }

  private end(answer: RespValue | undefined): void {
    if (this.over) return;
    this.stop();
    this.done(answer);
  }
}
