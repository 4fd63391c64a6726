/**
 * Sets filter state from formats. Values are what Envoy's object factories make of text; what they cannot read is not set.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/well_known_filter_state
 */
import { isIP } from 'node:net';
import type { FilterStateValue, SharedWithUpstream } from '#config/model/filter-state.ts';
import { compileFormatConfig, type Formatter } from '#proxy/observe/format/compile-format.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export class FilterStateSetter {
  private readonly values: { value: FilterStateValue; format: Formatter }[];
  /** Keys that are not set again once they are. */
  private readonly fixed: ReadonlySet<string>;

  constructor(values: readonly FilterStateValue[]) {
    this.values = values.map((value) => ({ value, format: compileFormatConfig(value.format) }));
    this.fixed = new Set(values.filter(({ readOnly }) => readOnly).map(({ key }) => key));
  }

  get empty(): boolean {
    return this.values.length === 0;
  }

  /**
   * Works the formats out for `info`.
   * @param state where it is kept
   * @param share hears of what is for connections to internal listeners too
   */
  apply(info: StreamInfo, state: Map<string, unknown>, share?: (key: string, how: SharedWithUpstream) => void): void {
    for (const { value, format } of this.values) {
      const text = format.format(info);
      if (text === '' && value.skipIfEmpty) continue;
      if (this.fixed.has(value.key) && state.has(value.key)) continue;
      const made = madeOf(value.factory, text);
      if (made === undefined) continue;
      state.set(value.key, made);
      if (value.shared !== 'NONE') share?.(value.key, value.shared);
    }
  }
}

/** @returns undefined for a text that the factory cannot read */
function madeOf(factory: string, text: string): unknown {
  switch (factory) {
    case 'envoy.tcp_proxy.per_connection_idle_timeout_ms':
    case 'envoy.upstream.dynamic_port':
    case 'envoy.ratelimit.hits_addend':
      return /^[0-9]+$/.test(text) ? Number(text) : undefined;
    case 'envoy.bool':
    case 'envoy.tcp_proxy.disable_tunneling':
      return truth(text.toLowerCase());
    case 'envoy.network.ip':
      return isIP(text) === 0 ? undefined : text;
    default:
      return text;
  }
}

function truth(word: string): boolean | undefined {
  if (['true', 't', 'yes', 'y', '1'].includes(word)) return true;
  return ['false', 'f', 'no', 'n', '0'].includes(word) ? false : undefined;
}
