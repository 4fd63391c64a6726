/**
 * The workers, from the main thread: one that lives here, or several with a thread each; either way messages go in and come back.
 */
import { once } from 'node:events';
import { Worker as Thread } from 'node:worker_threads';
import { entryPath } from '#base/entry.ts';
import type { Address } from '#config/model/address.ts';
import type { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { Worker } from '#proxy/worker.ts';
import type { FromWorker, ToWorker, WorkerStart } from '#proxy/worker-messages.ts';

/** A worker as the main thread holds it. */
interface Member {
  tell(message: ToWorker): void;
  /** Waiting for the answer of this kind. */
  waiting: Map<FromWorker['kind'], ((message: FromWorker) => void)[]>;
  thread?: Thread;
}

/** Stats of worker n are known to the hub as n + 1; the main thread is 0. */
const FIRST_THREAD_ID = 1;

export class WorkerPool {
  /** The worker that lives on this thread, where there is only one. */
  readonly local: Worker | undefined;
  private readonly members: Member[] = [];
  private readonly hub: StatsHub;
  private readonly onBug: () => void;

  /** @param start what each worker is made of, but for its index; @param mainStats the stats of this thread, which a local worker shares */
  constructor(start: Omit<WorkerStart, 'index'>, hub: StatsHub, mainStats: ThreadStats, onBug: () => void) {
    this.hub = hub;
    this.onBug = onBug;
    if (start.concurrency === 1) {
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

  /** Waits until every worker is made. */
  async ready(): Promise<void> {
    await Promise.all(
      this.members.filter((member) => member.thread !== undefined).map((member) => this.answer(member, 'ready')),
    );
  }

  broadcast(message: ToWorker): void {
    for (const member of this.members) member.tell(message);
  }

  /**
   * Binds the listeners on every worker; the first settles ports that the system chooses.
   * @throws with Envoy's words where an address cannot be bound
   */
  async listen(): Promise<{ [listener: string]: Address[] }> {
    const bound = await this.listenOn(this.members[0], {});
    const ports = Object.fromEntries(
      Object.entries(bound).map(([name, addresses]) => [
        name,
        addresses.map((address) => (address.kind === 'ip' ? address.port : 0)),
      ]),
    );
    await Promise.all(this.members.slice(1).map((member) => this.listenOn(member, ports)));
    return bound;
  }

  private async listenOn(
    member: Member,
    ports: { [listener: string]: number[] },
  ): Promise<{ [listener: string]: Address[] }> {
    const listening = Promise.race([this.answer(member, 'listening'), this.answer(member, 'cannot_listen')]);
    member.tell({ kind: 'listen', ports });
    const answer = await listening;
    if (answer.kind === 'cannot_listen') throw new Error(answer.message);
    return answer.kind === 'listening' ? answer.bound : {};
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

  /** Ends every worker; access logs are written out first. */
  async stop(): Promise<void> {
    await Promise.all(
      this.members.map((member) => {
        const stopped = this.answer(member, 'stopped');
        member.tell({ kind: 'stop' });
        return stopped;
      }),
    );
    for (const { thread } of this.members) {
      if (thread === undefined) continue;
      const exited = once(thread, 'exit');
      void thread.terminate();
      await exited;
    }
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
    else if (message.kind === 'bug') this.onBug();
    const waiting = member.waiting.get(message.kind);
    if (waiting === undefined) return;
    member.waiting.delete(message.kind);
    for (const resolve of waiting) resolve(message);
  }
}
