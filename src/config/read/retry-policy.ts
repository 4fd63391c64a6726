/**
 * When a request is tried again. Follows envoy.config.route.v3.RetryPolicy and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import { closest } from '#base/closest.ts';
import type { RetryPolicy } from '#config/model/route.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr, optionalMilliseconds } from '#config/read/duration.ts';
import { readExtension, unsupportedExtension } from '#config/read/extensions.ts';
import { readHeaderMatchers } from '#config/read/matchers.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type {
  RetryPolicy_RateLimitedRetryBackOff,
  RetryPolicy_RetryBackOff,
  RetryPolicy_RetryPriority,
  RetryPolicy as RetryPolicyMessage,
} from '#envoy/config/route/v3/route_components_pb.js';
import type { PreviousPrioritiesConfig } from '#envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js';

const TYPE = 'envoy.config.route.v3.RetryPolicy';

const check = honours(
  TYPE,
  [
    'retry_on',
    'num_retries',
    'per_try_timeout',
    'per_try_idle_timeout',
    'retry_host_predicate',
    'retry_priority',
    'host_selection_retry_max_attempts',
    'retriable_status_codes',
    'retry_back_off',
    'rate_limited_retry_back_off',
    'retriable_headers',
    'retriable_request_headers',
  ],
  {
    refused: {
      retry_options_predicates: 'there is no such extension, in Envoy 1.40 either',
      refresh_cluster_on_retry: 'retries stay with the cluster that was chosen by weight',
    },
  },
);

const PREVIOUS_PRIORITIES = 'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig';
const checkPriorities = honours(PREVIOUS_PRIORITIES, ['update_frequency']);

/** Envoy's words for HTTP and for gRPC. */
const WORDS = [
  '5xx',
  'gateway-error',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'reset',
  'reset-before-request',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];

const DEFAULT_BASE_INTERVAL = 25;
const DEFAULT_RATE_LIMITED_MAX_INTERVAL = 300_000;

export function readRetryPolicy(message: RetryPolicyMessage, at: Place, context: ReadContext): RetryPolicy {
  check(message, at);
  const { rateLimitedRetryBackOff, retryPriority } = message;
  return {
    retryOn: readRetryOn(message.retryOn, at.field('retry_on')),
    numRetries: message.numRetries ?? 1,
    perTryTimeout: millisecondsOr(message.perTryTimeout, 0),
    perTryIdleTimeout: millisecondsOr(message.perTryIdleTimeout, 0),
    retriableStatusCodes: message.retriableStatusCodes,
    retriableHeaders: readHeaderMatchers(message.retriableHeaders, at.field('retriable_headers')),
    retriableRequestHeaders: readHeaderMatchers(message.retriableRequestHeaders, at.field('retriable_request_headers')),
    ...(message.retryBackOff === undefined
      ? {}
      : { backOff: readBackOff(message.retryBackOff, at.field('retry_back_off')) }),
    ...(rateLimitedRetryBackOff === undefined
      ? {}
      : { rateLimitedBackOff: readRateLimitedBackOff(rateLimitedRetryBackOff) }),
    retryHostPredicates: readAll(message.retryHostPredicate, at.field('retry_host_predicate'), (predicate, place) => {
      const any = predicate.configType.value;
      const typed = place.field('typed_config');
      const { reader, config } = readExtension(any, predicate.name, 'retry_host_predicate', typed, context);
      return { name: reader.name, config };
    }),
    hostSelectionRetryMaxAttempts: Number(message.hostSelectionRetryMaxAttempts) || 1,
    ...(retryPriority === undefined
      ? {}
      : { previousPriorities: readRetryPriority(retryPriority, at.field('retry_priority')) }),
  };
}

function readRetryPriority({ name, configType }: RetryPolicy_RetryPriority, at: Place): { updateFrequency: number } {
  const place = at.field('typed_config');
  if (configType.value === undefined) throw place.missing();
  const { type, message } = unpack(configType.value, place);
  if (type.typeName !== PREVIOUS_PRIORITIES) throw unsupportedExtension(name, type.typeName, 'retry_priority', place);
  checkPriorities(message, place);
  return { updateFrequency: (message as PreviousPrioritiesConfig).updateFrequency };
}

/** Words that there are not are passed over, as in Envoy; but we say so. */
function readRetryOn(text: string, at: Place): string[] {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  for (const word of words) {
    if (WORDS.includes(word)) continue;
    const meant = closest(word, WORDS);
    at.warn(`'${word}' is no condition to retry on${meant === undefined ? '' : `, did you mean '${meant}'?`}`);
  }
  return words.filter((word) => WORDS.includes(word));
}

/** Nothing is shorter than a millisecond; the longest wait is ten times the base where it is not given. */
function readBackOff(message: RetryPolicy_RetryBackOff, at: Place): RetryPolicy['backOff'] {
  const baseInterval = Math.max(1, Math.floor(millisecondsOr(message.baseInterval, DEFAULT_BASE_INTERVAL)));
  const given = optionalMilliseconds(message.maxInterval);
  const maxInterval = given === undefined ? baseInterval * 10 : Math.max(1, Math.floor(given));
  if (maxInterval < baseInterval) {
    throw at.field('max_interval').problem('retry_policy.max_interval must greater than or equal to the base_interval');
  }
  return { baseInterval, maxInterval };
}

function readRateLimitedBackOff(message: RetryPolicy_RateLimitedRetryBackOff): RetryPolicy['rateLimitedBackOff'] {
  return {
    resetHeaders: message.resetHeaders.map(({ name, format }) => ({
      name: name.toLowerCase(),
      format: format === 1 ? 'UNIX_TIMESTAMP' : 'SECONDS',
    })),
    maxInterval: Math.max(1, millisecondsOr(message.maxInterval, DEFAULT_RATE_LIMITED_MAX_INTERVAL)),
  };
}
