/**
 * Filter state that is set from a format. Follows extensions.filters.common.set_filter_state.v3.FilterStateValue.
 */
import type { FormatConfig } from './format.ts';

/** Whether connections to internal listeners get it: those made for this one, or those made for them as well. */
export type SharedWithUpstream = 'NONE' | 'ONCE' | 'TRANSITIVE';

export interface FilterStateValue {
  key: string;
  /** What kind of value it is: the name of Envoy's object factory. */
  factory: string;
  format: FormatConfig;
  skipIfEmpty: boolean;
  /** Set once, and never again. */
  readOnly: boolean;
  shared: SharedWithUpstream;
}
