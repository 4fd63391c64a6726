/**
 * Asks a service whether a connection may go on. While it has not answered, nothing of the client passes.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rate_limit_filter
 */
import { create, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { Timer } from '#base/timers.ts';
import type { NetworkRateLimitConfig, RateLimitDescriptor } from '#config/model/rate-limit.ts';
import { NETWORK_RATE_LIMIT, readNetworkRateLimit } from '#config/read/rate-limit.ts';
import type { FilterRun } from '#proxy/network/filter-run.ts';
import { Continue, type NetworkFilterInUse, networkFilter, Stop } from '#proxy/network/network-filter.ts';
import { compileFormat, type Formatter } from '#proxy/observe/format/compile-format.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { GrpcStream } from '#proxy/upstream/grpc-stream.ts';

const REQUEST = 'envoy.service.ratelimit.v3.RateLimitRequest';
const RESPONSE = 'envoy.service.ratelimit.v3.RateLimitResponse';
const METHOD = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
/** Of RateLimitResponse.Code. */
const OVER_LIMIT = 2;
/** What the service said, or that it did not. */
type Answer = 'ok' | 'over_limit' | 'error';

interface CompiledDescriptor {
  descriptor: RateLimitDescriptor;
  values: Formatter[];
}

/** What is kept of a connection while the service is asked. */
interface Asking {
  waiting: boolean;
  call: GrpcStream | undefined;
  timer: Timer | undefined;
}

type Use = NetworkFilterInUse<NetworkRateLimitConfig, ReturnType<typeof stats>, CompiledDescriptor[]>;

export const rateLimit = networkFilter<NetworkRateLimitConfig, ReturnType<typeof stats>, CompiledDescriptor[]>({
  name: 'envoy.filters.network.ratelimit',
  message: NETWORK_RATE_LIMIT,
  config: readNetworkRateLimit,
  stats,
  prepare: ({ descriptors }) =>
    descriptors.map((descriptor) => ({
      descriptor,
      values: descriptor.entries.map(({ value }) => compileFormat(value, '')),
    })),

  onNewConnection(run, use) {
    const { runtime, random } = use.worker;
    if (!runtime.percentEnabled('ratelimit.tcp_filter_enabled', 100, random.uint32())) return Continue;
    ask(run, use);
    return (run.state[use.index] as Asking).waiting || run.closed ? Stop : Continue;
  },
  onData: (run, { index }) => ((run.state[index] as Asking | undefined)?.waiting === true ? Stop : Continue),
  end(run, use) {
    const asking = run.state[use.index] as Asking | undefined;
    if (asking?.waiting !== true) return;
    forget(asking, use);
    asking.call?.cancel();
  },
});

function ask(run: FilterRun, use: Use): void {
  const { config, stats, worker } = use;
  const asking: Asking = { waiting: true, call: undefined, timer: undefined };
  run.state[use.index] = asking;
  stats.total.inc();
  stats.active.inc();
  const cluster = worker.clusters.get(config.service.clusterName);
  if (cluster === undefined) return settle(run, use, 'error', false);
  let answer: Answer = 'error';
  let asked = false;
  const call = new GrpcStream(cluster, METHOD, config.service, {
    onMessage(bytes) {
      const { overallCode } = fromBinary(messageType(RESPONSE), bytes) as Message & { overallCode: number };
      answer = overallCode === OVER_LIMIT ? 'over_limit' : 'ok';
    },
    onClosed: (status) => asEvent(() => settle(run, use, status === 0 ? answer : 'error', asked)),
  });
  asking.call = call;
  asking.timer = new Timer(() =>
    asEvent(() => {
      call.cancel();
      settle(run, use, 'error', true);
    }),
  );
  worker.timers.arm(asking.timer, config.timeout);
  call.open();
  call.send(requestOf(run.connection.stream, use));
  call.end();
  asked = true;
}

/** The service answered, or did not in time. @param later not while it is asked: whoever waits goes on by this */
function settle(run: FilterRun, use: Use, answer: Answer, later: boolean): void {
  const { config, stats, worker } = use;
  const asking = run.state[use.index] as Asking;
  if (!asking.waiting) return;
  forget(asking, use);
  if (answer === 'ok') stats.ok.inc();
  else if (answer === 'over_limit') {
    stats.overLimit.inc();
    if (worker.runtime.percentEnabled('ratelimit.tcp_filter_enforcing', 100, worker.random.uint32())) {
      stats.cxClosed.inc();
      return run.close('ratelimit_close_over_limit');
    }
  } else {
    stats.error.inc();
    if (config.failureModeDeny) {
      stats.cxClosed.inc();
      return run.close('ratelimit_error_failure_mode_connection_close');
    }
    stats.failureModeAllowed.inc();
  }
  if (later) run.continueReading(use);
}

function forget(asking: Asking, { stats, worker }: Use): void {
  asking.waiting = false;
  stats.active.dec();
  if (asking.timer !== undefined) worker.timers.cancel(asking.timer);
}

/** A call of service.ratelimit.v3.RateLimitService, as bytes. */
function requestOf(info: StreamInfo, { config, prepared }: Use): Uint8Array {
  const type = messageType(REQUEST);
  const descriptors = prepared.map(({ descriptor: { entries, limit, hitsAddend }, values }) => ({
    entries: entries.map(({ key }, i) => ({ key, value: values[i].format(info) })),
    ...(limit === undefined ? {} : { limit }),
    ...(hitsAddend === undefined ? {} : { hitsAddend: BigInt(hitsAddend) }),
  }));
  return toBinary(type, create(type, { domain: config.domain, descriptors } as never));
}

function stats(root: Scope, { statPrefix }: NetworkRateLimitConfig) {
  const scope = root.scope(`ratelimit.${statPrefix}`);
  return {
    total: scope.counter('total'),
    active: scope.gauge('active'),
    ok: scope.counter('ok'),
    overLimit: scope.counter('over_limit'),
    error: scope.counter('error'),
    cxClosed: scope.counter('cx_closed'),
    failureModeAllowed: scope.counter('failure_mode_allowed'),
  };
}
