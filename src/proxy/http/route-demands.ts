/**
 * What requests of one worker wait for before they can go on: virtual hosts, scopes and clusters that are fetched on demand. The main thread
 * is asked, and answers when it knows; by then the worker has what there is.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter
 */
import type { ConfigSource } from '#config/model/config-source.ts';

/** A virtual host by the host of a request, a scope by its key, or a cluster; `key` is that of the table, the set of scopes, or the source. */
export interface RouteQuestion {
  kind: 'virtual_host' | 'scope' | 'cluster';
  key: string;
  name: string;
}

/** Of clusters, where they come from. */
export type AskedQuestion = RouteQuestion & { source?: ConfigSource };

/** Names come from clients, and are remembered: one that is longer than this is nothing's. */
const LONGEST_NAME = 1024;

export class RouteDemands {
  private readonly ask: (question: AskedQuestion) => void;
  private readonly waiting = new Map<string, Set<() => void>>();

  /** @param ask tells the main thread, whose answer does not come before this returns */
  constructor(ask: (question: AskedQuestion) => void) {
    this.ask = ask;
  }

  /** @returns how to wait no more; undefined: nobody is asked */
  demand(question: AskedQuestion, ready: () => void): (() => void) | undefined {
    if (question.name.length > LONGEST_NAME) return undefined;
    const id = idOf(question);
    const known = this.waiting.get(id);
    const waiting = known ?? new Set();
    waiting.add(ready);
    if (known === undefined) {
      this.waiting.set(id, waiting);
      this.ask(question);
    }
    return () => {
      waiting.delete(ready);
      if (waiting.size === 0 && this.waiting.get(id) === waiting) this.waiting.delete(id);
    };
  }

  hear(question: RouteQuestion): void {
    const id = idOf(question);
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    for (const ready of waiting ?? []) ready();
  }
}

function idOf({ kind, key, name }: RouteQuestion): string {
  return `${kind} ${key} ${name}`;
}
