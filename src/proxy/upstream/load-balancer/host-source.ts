/**
 * The hosts that one choice is made among, with the place in them where the next choice goes on. A source outlives changes of its hosts.
 */
import type { Host } from '#proxy/upstream/host.ts';
import type { EdfScheduler } from '#proxy/upstream/load-balancer/edf-scheduler.ts';

export class HostSource {
  hosts: readonly Host[] = [];
  /** Index of the next host in a plain rotation. */
  next = 0;
  /** Takes turns by weight; undefined where all weigh the same. */
  scheduler: EdfScheduler<Host> | undefined = undefined;
}
