/**
 * The workers, from the main thread: one that lives here, or several with a thread each; either way messages go in and come back.
 */
import { once } from 'node:events';
import { Worker as Thread } from 'node:worker_threads';
import { entryPath } from '#base/entry.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { ListeningSocket } from '#proxy/hot-restart.ts';
import type { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { scheduleAsLoop } from '#proxy/thread-scheduling.ts';
import { duplicateSocket } from '#proxy/transport/duplicate-socket.ts';
import { type EndpointSums, mergeSums } from '#proxy/upstream/endpoint-metrics.ts';
import { Worker } from '#proxy/worker.ts';
import type { BoundAddress, FromWorker, ListenPlace, ToWorker, WorkerStart } from '#proxy/worker-messages.ts';

/** A worker as the main thread holds it. */
interface Member {
  tell(message: ToWorker): void;
  /** Waiting for the answer of this kind. */
  waiting: Map<FromWorker['kind'], ((message: FromWorker) => void)[]>;
  thread?: Thread;
}

/** Descriptors by listener, for each of its addresses. */
export type InheritedSockets = { [listener: string]: number[][] };

/** Stats of worker n are known to the hub as n + 1; the main thread is 0. */
const FIRST_THREAD_ID = 1;

export class WorkerPool {
  /** The worker that lives on this thread, where there is only one. */
  readonly local: Worker | undefined;
  private readonly members: Member[] = [];
  /** What each worker listens on. */
  private readonly bound: { [listener: string]: BoundAddress[] }[] = [];
  private readonly hub: StatsHub;
  private readonly onNews: (message: FromWorker) => void;

  /** @param start what each worker is made of, but for its index; @param mainStats the stats of this thread, which a local worker shares; @param onNews hears what workers tell unasked */
  constructor(
    start: Omit<WorkerStart, 'index'>,
    hub: StatsHub,
    mainStats: ThreadStats,
    onNews: (message: FromWorker) => void,
  ) {
    this.hub = hub;
    this.onNews = onNews;
    if (start.concurrency === 1) {
      scheduleAsLoop();
      const member: Member = { tell: () => {}, waiting: new Map() };
      const local = new Worker({ ...start, index: 0 }, mainStats, (message) => this.hear(member, 0, message));
      member.tell = (message) => void local.handle(message);
      this.local = local;
      this.members.push(member);
      return;
    }
    for (let index = 0; index < start.concurrency; index++) this.members.push(this.startThread({ ...start, index }));
  }

  private startThread(start: WorkerStart): Member {
    const thread = new Thread(entryPath('src/proxy/worker-thread'), { workerData: start });
    this.hub.attach(FIRST_THREAD_ID + start.index);
    const member: Member = { tell: (message) => thread.postMessage(message), waiting: new Map(), thread };
    thread.on('message', (message: FromWorker) => this.hear(member, start.index, message));
    thread.on('error', (error: Error) => {
      process.stderr.write(`worker ${start.index} failed: ${error.stack ?? error.message}\n`);
      process.exit(1);
    });
    return member;
  }

  /** Waits until every worker is made. @throws with the reason of the first that cannot be. */
  async ready(): Promise<void> {
    const threads = this.members.filter((member) => member.thread !== undefined);
    const answers = threads.map((member) =>
      Promise.race([this.answer(member, 'ready'), this.answer(member, 'cannot_start')]),
    );
    for (const answer of await Promise.all(answers)) {
      if (answer.kind === 'cannot_start') throw new Error(answer.message);
    }
  }

  broadcast(message: ToWorker): void {
    for (const member of this.members) member.tell(message);
  }

  /**
   * Has every worker listen; the first settles ports that the system chooses.
   * @param listeners by their numbers
   * @param inherited sockets of the generation before, by listener and address
   * @throws with Envoy's words where an address cannot be bound
   */
  async listen(
    listeners: readonly number[],
    inherited: InheritedSockets = {},
  ): Promise<{ [listener: string]: Address[] }> {
    const count = this.members.length;
    const first = await this.listenOn(0, listeners, firstPlaces(inherited, count));
    const places = await Promise.all(this.members.slice(1).map((_, i) => placesBeside(first, inherited, i + 1, count)));
    await Promise.all(places.map((place, i) => this.listenOn(i + 1, listeners, place)));
    return Object.fromEntries(
      Object.entries(first).map(([name, addresses]) => [name, addresses.map(({ address }) => address)]),
    );
  }

  /** A listener is gone: the next generation does not get its sockets. */
  forget(listener: string): void {
    for (const bound of this.bound) delete bound[listener];
  }

  /** Every socket that this process listens on, of whichever worker. */
  sockets(): ListeningSocket[] {
    return this.bound.flatMap((listeners, worker) =>
      Object.entries(listeners).flatMap(([listener, addresses]) =>
        addresses.flatMap(({ address, fds, kind, reusable }) =>
          kind === 'udp' || (worker > 0 && !reusable)
            ? []
            : fds.map((fd) => ({ listener, address: addressText(address), fd, kind })),
        ),
      ),
    );
  }

  private async listenOn(
    index: number,
    listeners: readonly number[],
    places: { [listener: string]: ListenPlace[] },
  ): Promise<{ [listener: string]: BoundAddress[] }> {
    const member = this.members[index];
    const listening = this.answer(member, 'listening');
    member.tell({ kind: 'listen', listeners: [...listeners], places });
    const answer = await listening;
    if (answer.kind !== 'listening') return {};
    if (answer.failed !== undefined) throw new Error(answer.failed);
    this.bound[index] = { ...this.bound[index], ...answer.bound };
    return answer.bound;
  }

  /** Has every worker's histograms merged into the hub. */
  async mergeHistograms(): Promise<void> {
    this.hub.startInterval();
    const remote = this.members.filter((member) => member.thread !== undefined);
    await Promise.all(
      remote.map((member) => {
        const answer = this.answer(member, 'histograms');
        member.tell({ kind: 'histograms' });
        return answer;
      }),
    );
  }

  /** What endpoints said of their load to any worker since the last time, by cluster. */
  async takeEndpointMetrics(): Promise<Map<string, EndpointSums>> {
    const answers = this.members.map((member) => {
      const answer = this.answer(member, 'endpoint_metrics');
      member.tell({ kind: 'endpoint_metrics' });
      return answer;
    });
    const all = new Map<string, EndpointSums>();
    for (const answer of await Promise.all(answers)) {
      if (answer.kind !== 'endpoint_metrics') continue;
      for (const [cluster, sums] of answer.sums) {
        const known = all.get(cluster);
        if (known === undefined) all.set(cluster, sums);
        else mergeSums(known, sums);
      }
    }
    return all;
  }

  /** Has every worker accept no more. Resolves when all of them have done so. */
  async stopListeners(inboundOnly: boolean): Promise<void> {
    await this.askAll({ kind: 'stop_listeners', inboundOnly }, 'listeners_stopped');
  }

  /** Ends every worker; access logs are written out first. */
  async stop(): Promise<void> {
    await this.askAll({ kind: 'stop' }, 'stopped');
    for (const { thread } of this.members) {
      if (thread === undefined) continue;
      const exited = once(thread, 'exit');
      void thread.terminate();
      await exited;
    }
  }

  private async askAll(message: ToWorker, answered: FromWorker['kind']): Promise<void> {
    await Promise.all(
      this.members.map((member) => {
        const answer = this.answer(member, answered);
        member.tell(message);
        return answer;
      }),
    );
  }

  private answer(member: Member, kind: FromWorker['kind']): Promise<FromWorker> {
    return new Promise((resolve) => {
      const list = member.waiting.get(kind) ?? [];
      list.push(resolve);
      member.waiting.set(kind, list);
    });
  }

  private hear(member: Member, index: number, message: FromWorker): void {
    if (message.kind === 'stats') this.hub.accept(FIRST_THREAD_ID + index, message.definitions);
    else if (message.kind === 'histograms') this.hub.acceptHistograms(FIRST_THREAD_ID + index, message.intervals);
    else if (message.kind === 'hand_over') {
      this.members[message.worker].tell({ kind: 'take_over', connection: message.connection });
    } else this.onNews(message);
    const waiting = member.waiting.get(message.kind);
    if (waiting === undefined) return;
    member.waiting.delete(message.kind);
    for (const resolve of waiting) resolve(message);
  }
}

/** Where the first worker listens, but for what it binds itself. */
function firstPlaces(inherited: InheritedSockets, count: number): { [listener: string]: ListenPlace[] } {
  const place = (fds: number[]): ListenPlace => ({ port: 0, fds: share(fds, 0, count) });
  return Object.fromEntries(Object.entries(inherited).map(([name, addresses]) => [name, addresses.map(place)]));
}

/** One worker's part of the sockets. */
function share(fds: number[], index: number, count: number): number[] {
  return fds.filter((_, i) => i % count === index);
}

/** Where another worker than the first listens: on its part of the inherited sockets, on one of its own, or on the first one's. */
async function placesBeside(
  first: { [listener: string]: BoundAddress[] },
  inherited: InheritedSockets,
  index: number,
  count: number,
): Promise<{ [listener: string]: ListenPlace[] }> {
  const place = async ({ address, fds, kind, reusable }: BoundAddress, theirs: number[]): Promise<ListenPlace> => {
    const port = address.kind === 'ip' ? address.port : 0;
    // Sockets for datagrams are not handed on: each worker, and each generation, binds its own.
    if (kind === 'udp') return { port, fds: [] };
    const own = share(theirs, index, count);
    // What was inherited may have been bound by a single worker: then no other socket can be bound beside it.
    if (own.length > 0 || (reusable && theirs.length === 0)) return { port, fds: own };
    return { port, fds: await duplicateSocket({ fd: fds[0], kind }, 1) };
  };
  const places: { [listener: string]: ListenPlace[] } = {};
  for (const [name, addresses] of Object.entries(first))
    places[name] = await Promise.all(addresses.map((bound, i) => place(bound, inherited[name]?.[i] ?? [])));
  return places;
}
