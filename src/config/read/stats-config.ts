/**
 * Which stats there are, how tags are taken out of their names, and the buckets of histograms.
 * Follows envoy.config.metrics.v3.StatsConfig.
 */
import type { Place } from '#api/place.ts';
import type { StatsConfig } from '#config/model/snapshot.ts';
import { DEFAULT_TAGS } from '#config/read/default-tags.ts';
import { readAll } from '#config/read/read-all.ts';
import { readStringMatcher, readStringMatchers } from '#config/read/string-matcher.ts';
import { honours } from '#config/read/support.ts';
import { stdRegex } from '#config/syntax/std-regex.ts';
import type {
  HistogramBucketSettings,
  StatsConfig as StatsConfigMessage,
  StatsMatcher,
  TagSpecifier,
} from '#envoy/config/metrics/v3/stats_pb.js';

const METRICS = 'envoy.config.metrics.v3';
const check = honours(`${METRICS}.StatsConfig`, [
  'stats_tags',
  'use_all_default_tags',
  'stats_matcher',
  'histogram_bucket_settings',
  'allow_default_tag_overrides',
]);
const checkTag = honours(`${METRICS}.TagSpecifier`, ['tag_name', 'regex', 'fixed_value']);
const checkMatcher = honours(`${METRICS}.StatsMatcher`, ['reject_all', 'exclusion_list', 'inclusion_list']);
const checkBuckets = honours(`${METRICS}.HistogramBucketSettings`, ['match', 'buckets'], {
  withoutEffect: { bins: 'a histogram makes room for what it is given' },
});

/** Every stat, with the default tags. */
export const NO_STATS_CONFIG: StatsConfig = {
  tags: [],
  useAllDefaultTags: true,
  allowDefaultTagOverrides: false,
  histogramBuckets: [],
};

export function readStatsConfig(message: StatsConfigMessage | undefined, at: Place): StatsConfig {
  if (message === undefined) return NO_STATS_CONFIG;
  check(message, at);
  const matcher = message.statsMatcher && readMatcher(message.statsMatcher, at.field('stats_matcher'));
  return {
    tags: readAll(message.statsTags, at.field('stats_tags'), readTag),
    useAllDefaultTags: message.useAllDefaultTags ?? true,
    allowDefaultTagOverrides: message.allowDefaultTagOverrides ?? false,
    ...(matcher === undefined ? {} : { matcher }),
    histogramBuckets: readAll(message.histogramBucketSettings, at.field('histogram_bucket_settings'), readBuckets),
  };
}

/** A tag without a value, or with an empty expression, is Envoy's own of that name. */
function readTag(message: TagSpecifier, at: Place): StatsConfig['tags'][number] {
  checkTag(message, at);
  const { tagName, tagValue } = message;
  if (tagValue.case === 'fixedValue') return { tagName, fixedValue: tagValue.value };
  if (tagName === '') throw at.field('tag_name').problem('tag_name cannot be empty');
  if (tagValue.case === 'regex' && tagValue.value !== '') {
    try {
      stdRegex(tagValue.value);
    } catch (error) {
      throw at.field('regex').problem(`Invalid regex '${tagValue.value}': ${(error as Error).message}`);
    }
    return { tagName, regex: tagValue.value };
  }
  if (DEFAULT_TAGS.has(tagName)) return { tagName };
  throw at.problem(`No regex specified for tag specifier and no default regex for name: '${tagName}'`);
}

function readMatcher(message: StatsMatcher, at: Place): StatsConfig['matcher'] {
  checkMatcher(message, at);
  const { statsMatcher } = message;
  switch (statsMatcher.case) {
    case 'rejectAll':
      return { kind: 'reject_all', rejectAll: statsMatcher.value };
    case 'exclusionList':
      return { kind: 'exclusion', patterns: readStringMatchers(statsMatcher.value, at.field('exclusion_list')) };
    case 'inclusionList':
      return { kind: 'inclusion', patterns: readStringMatchers(statsMatcher.value, at.field('inclusion_list')) };
    default:
      throw at.field('stats_matcher').missing();
  }
}

function readBuckets(message: HistogramBucketSettings, at: Place): StatsConfig['histogramBuckets'][number] {
  checkBuckets(message, at);
  if (message.match === undefined) throw at.field('match').missing();
  const match = readStringMatcher(message.match, at.field('match'));
  return { match, buckets: [...message.buckets].sort((a, b) => a - b) };
}
