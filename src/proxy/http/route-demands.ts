/**
 * What requests of one worker wait for before they can have a route: virtual hosts and scopes that are fetched on demand. The main thread
 * is asked, and answers when it knows; by then the worker has what there is.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter
 */

/** A virtual host by the host of a request, or a scope by its key; `key` is that of the table, or of the set of scopes. */
export interface RouteQuestion {
  kind: 'virtual_host' | 'scope';
  key: string;
  name: string;
}

export class RouteDemands {
  private readonly ask: (question: RouteQuestion) => void;
  private readonly waiting = new Map<string, Set<() => void>>();

  /** @param ask tells the main thread, whose answer does not come before this returns */
  constructor(ask: (question: RouteQuestion) => void) {
    this.ask = ask;
  }

  /** @returns how to wait no more */
  demand(question: RouteQuestion, ready: () => void): () => void {
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
