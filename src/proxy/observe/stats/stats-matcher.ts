/**
 * Which stats exist at all, by stats_config.stats_matcher. What is rejected costs nothing.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto#config-metrics-v3-statsmatcher
 */
import type { StringMatcher } from '#config/model/matchers.ts';
import type { StatsConfig } from '#config/model/snapshot.ts';

/** @returns whether a stat of this full name is to exist. */
export function compileStatsMatcher({ matcher }: Pick<StatsConfig, 'matcher'>): (name: string) => boolean {
  if (matcher === undefined) return () => true;
  if (matcher.kind === 'reject_all') return () => !matcher.rejectAll;
  const patterns = matcher.patterns.map(compileNameMatcher);
  const wanted = matcher.kind === 'inclusion';
  return (name) => patterns.some((matches) => matches(name)) === wanted;
}

/** A matcher of stat names; regular expressions match the whole name. */
export function compileNameMatcher(matcher: StringMatcher): (name: string) => boolean {
  if (matcher.kind === 'regex') {
    const regex = new RegExp(`^(?:${matcher.regex})$`);
    return (name) => regex.test(name);
  }
  const fold = matcher.ignoreCase ? (text: string) => text.toLowerCase() : (text: string) => text;
  const value = fold(matcher.value);
  switch (matcher.kind) {
    case 'exact':
      return (name) => fold(name) === value;
    case 'prefix':
      return (name) => fold(name).startsWith(value);
    case 'suffix':
      return (name) => fold(name).endsWith(value);
    case 'contains':
      return (name) => fold(name).includes(value);
  }
}
