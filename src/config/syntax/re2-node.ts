/**
 * A regular expression of RE2, read. Follows https://github.com/google/re2/wiki/Syntax
 */
import type { CodePoints } from '#config/syntax/code-points.ts';

export type Assertion = 'text_start' | 'text_end' | 'line_start' | 'line_end' | 'word_boundary' | 'no_word_boundary';

export type Re2Node =
  /** One character out of a set; a literal is a set of one. */
  | { kind: 'set'; points: CodePoints }
  | { kind: 'sequence'; nodes: Re2Node[] }
  | { kind: 'choice'; nodes: Re2Node[] }
  /** `max` is Infinity where there is no end. */
  | { kind: 'repeat'; node: Re2Node; min: number; max: number; greedy: boolean }
  | { kind: 'group'; index: number; node: Re2Node }
  | { kind: 'assertion'; assertion: Assertion };

export interface Re2Pattern {
  node: Re2Node;
  /** How many capturing groups there are. */
  groups: number;
}

/** A pattern that RE2 refuses; the message is in RE2's words. */
export class Re2Error extends Error {}
