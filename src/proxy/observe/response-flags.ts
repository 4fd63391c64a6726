/**
 * Envoy's response flags: what happened to a stream besides its status. A stream keeps them as bits of one number.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage (RESPONSE_FLAGS).
 */

export const Flag = {
  FailedLocalHealthCheck: 1 << 0,
  NoHealthyUpstream: 1 << 1,
  UpstreamRequestTimeout: 1 << 2,
  LocalReset: 1 << 3,
  UpstreamRemoteReset: 1 << 4,
  UpstreamConnectionFailure: 1 << 5,
  UpstreamConnectionTermination: 1 << 6,
  UpstreamOverflow: 1 << 7,
  NoRouteFound: 1 << 8,
  DelayInjected: 1 << 9,
  FaultInjected: 1 << 10,
  RateLimited: 1 << 11,
  UnauthorizedExternalService: 1 << 12,
  RateLimitServiceError: 1 << 13,
  DownstreamConnectionTermination: 1 << 14,
  UpstreamRetryLimitExceeded: 1 << 15,
  StreamIdleTimeout: 1 << 16,
  InvalidEnvoyRequestHeaders: 1 << 17,
  DownstreamProtocolError: 1 << 18,
  UpstreamMaxStreamDurationReached: 1 << 19,
  ResponseFromCacheFilter: 1 << 20,
  NoFilterConfigFound: 1 << 21,
  DurationTimeout: 1 << 22,
  UpstreamProtocolError: 1 << 23,
  NoClusterFound: 1 << 24,
  OverloadManager: 1 << 25,
  DnsResolutionFailed: 1 << 26,
  DropOverLoad: 1 << 27,
  DownstreamRemoteReset: 1 << 28,
  UnconditionalDropOverload: 1 << 29,
} as const;

/** Short and long name of each bit, from bit 0 up. */
export const flagNames: readonly { short: string; long: keyof typeof Flag }[] = [
  { short: 'LH', long: 'FailedLocalHealthCheck' },
  { short: 'UH', long: 'NoHealthyUpstream' },
  { short: 'UT', long: 'UpstreamRequestTimeout' },
  { short: 'LR', long: 'LocalReset' },
  { short: 'UR', long: 'UpstreamRemoteReset' },
  { short: 'UF', long: 'UpstreamConnectionFailure' },
  { short: 'UC', long: 'UpstreamConnectionTermination' },
  { short: 'UO', long: 'UpstreamOverflow' },
  { short: 'NR', long: 'NoRouteFound' },
  { short: 'DI', long: 'DelayInjected' },
  { short: 'FI', long: 'FaultInjected' },
  { short: 'RL', long: 'RateLimited' },
  { short: 'UAEX', long: 'UnauthorizedExternalService' },
  { short: 'RLSE', long: 'RateLimitServiceError' },
  { short: 'DC', long: 'DownstreamConnectionTermination' },
  { short: 'URX', long: 'UpstreamRetryLimitExceeded' },
  { short: 'SI', long: 'StreamIdleTimeout' },
  { short: 'IH', long: 'InvalidEnvoyRequestHeaders' },
  { short: 'DPE', long: 'DownstreamProtocolError' },
  { short: 'UMSDR', long: 'UpstreamMaxStreamDurationReached' },
  { short: 'RFCF', long: 'ResponseFromCacheFilter' },
  { short: 'NFCF', long: 'NoFilterConfigFound' },
  { short: 'DT', long: 'DurationTimeout' },
  { short: 'UPE', long: 'UpstreamProtocolError' },
  { short: 'NC', long: 'NoClusterFound' },
  { short: 'OM', long: 'OverloadManager' },
  { short: 'DF', long: 'DnsResolutionFailed' },
  { short: 'DO', long: 'DropOverLoad' },
  { short: 'DR', long: 'DownstreamRemoteReset' },
  { short: 'UDO', long: 'UnconditionalDropOverload' },
];

/**
 * Envoy writes flags in the order in which they were set: for HTTP, that a retry was not to be comes before what ended the attempt.
 * @param order bits in the order in which they were set, where that is known
 * @returns the names of the bits that are set
 */
export function flagsText(flags: number, form: 'short' | 'long', order: readonly number[] = WRITTEN): string {
  if (flags === 0) return '-';
  let text = '';
  for (const bit of order)
    if ((flags & (1 << bit)) !== 0) text += text === '' ? flagNames[bit][form] : `,${flagNames[bit][form]}`;
  return text;
}

const FIRST = [15, 7];
const WRITTEN = [...FIRST, ...flagNames.keys()].filter((bit, i, all) => all.indexOf(bit) === i);
