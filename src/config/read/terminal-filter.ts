/**
 * Every chain of filters ends in one that answers, and has none such before. Follows Envoy's check of network and HTTP filter chains.
 */
import type { Place } from '#api/place.ts';
import type { ExtensionReader } from '#config/read/extensions.ts';

export interface FilterInChain {
  name: string;
  reader: ExtensionReader;
  at: Place;
}

/** @param kind what Envoy calls the chain: `network`, `http`, `http upgrade`. */
export function checkTerminalFilter(filters: readonly FilterInChain[], kind: string): void {
  for (const [i, { name, reader, at }] of filters.entries()) {
    const last = i === filters.length - 1;
    const filter = `filter named ${name} of type ${reader.name}`;
    if (reader.terminal === true && !last) {
      at.report(`Error: terminal ${filter} must be the last filter in a ${kind} filter chain.`);
    }
    if (reader.terminal !== true && last) {
      at.report(`Error: non-terminal ${filter} is the last filter in a ${kind} filter chain.`);
    }
  }
}
