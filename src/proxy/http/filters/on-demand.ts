/**
 * Requests without a route wait for the virtual host, or the table of their scope, to be fetched; those whose cluster is not there, for the
 * cluster. Then they go on: with what there is, or to the answer that there is none.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter
 */
import type { Place } from '#api/place.ts';
import { Timer } from '#base/timers.ts';
import { type ConfigSource, sourceKey } from '#config/model/config-source.ts';
import { readConfigSource } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { honours } from '#config/read/support.ts';
import type {
  OnDemandCds,
  OnDemand as OnDemandMessage,
  PerRouteConfig,
} from '#envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import { clusterOf, noteCluster } from '#proxy/http/cluster-of.ts';
import { Continue, type FilterInUse, type FilterStatus, httpFilter, Stop } from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

const PACKAGE = 'envoy.extensions.filters.http.on_demand.v3';
const check = honours(`${PACKAGE}.OnDemand`, ['odcds']);
const checkRoute = honours(`${PACKAGE}.PerRouteConfig`, ['odcds']);
const checkCds = honours(`${PACKAGE}.OnDemandCds`, ['source', 'timeout'], {
  refused: { resources_locator: 'collections are not named by xdstp here' },
});

const DEFAULT_TIMEOUT = 5000;

interface Config {
  /** Where clusters come from that are not there; undefined: from nowhere. */
  clusters?: { source: ConfigSource; key: string; timeout: number };
}

export const onDemand = httpFilter({
  name: 'envoy.filters.http.on_demand',
  message: `${PACKAGE}.OnDemand`,

  config(message: OnDemandMessage, at, context): Config {
    check(message, at);
    return readClusters(message.odcds, at.field('odcds'), context);
  },

  perRoute: {
    message: `${PACKAGE}.PerRouteConfig`,
    config(message: PerRouteConfig, at, context): Config {
      checkRoute(message, at);
      return readClusters(message.odcds, at.field('odcds'), context);
    },
  },

  request(stream, use): FilterStatus {
    if (stream.selected !== undefined) return awaitCluster(stream, use);
    const { manager, filters } = stream;
    const cancel = manager.routes.demand(stream, () => {
      filters.state[use.index] = undefined;
      if (isOver(stream)) return;
      manager.chooseRouteAgain(stream);
      if (awaitCluster(stream, use) === Continue) filters.continueRequest();
    });
    if (cancel === undefined) return Continue;
    filters.state[use.index] = cancel;
    return Stop;
  },

  end(stream, { index }): void {
    (stream.filters.state[index] as (() => void) | undefined)?.();
  },
});

function readClusters(message: OnDemandCds | undefined, at: Place, context: ReadContext): Config {
  if (message === undefined) return {};
  checkCds(message, at);
  if (message.source === undefined) throw at.field('source').missing();
  const source = readConfigSource(message.source, at.field('source'), context);
  return { clusters: { source, key: sourceKey(source), timeout: millisecondsOr(message.timeout, DEFAULT_TIMEOUT) } };
}

/** Waits for the cluster that the request goes to, if it is not there and may be fetched, for as long as is configured. */
function awaitCluster(stream: HttpStream, use: FilterInUse<Config>): FilterStatus {
  const { clusters } = configOf(stream, use);
  if (clusters === undefined || stream.clusterName === '' || clusterOf(stream) !== undefined) return Continue;
  const { filters } = stream;
  const { timers, demands } = stream.manager.worker;
  const { source, key, timeout } = clusters;
  const goOn = () => {
    give();
    filters.state[use.index] = undefined;
    if (isOver(stream)) return;
    noteCluster(stream);
    filters.continueRequest();
  };
  const timer = new Timer(() => asEvent(goOn));
  const cancel = demands.demand({ kind: 'cluster', key, name: stream.clusterName, source }, goOn);
  if (cancel === undefined) return Continue;
  const give = () => {
    timers.cancel(timer);
    cancel();
  };
  timers.arm(timer, timeout);
  filters.state[use.index] = give;
  return Stop;
}

/** The nearest to the route says where from, or that clusters are not fetched for it. */
function configOf(stream: HttpStream, { name, config }: FilterInUse<Config>): Config {
  const { selected, selectedHost, manager } = stream;
  const own =
    selected?.config.perFilterConfig[name] ??
    selectedHost?.config.perFilterConfig[name] ??
    manager.routes.tableFor(stream)?.config.perFilterConfig[name];
  return own?.config === undefined ? config : (own.config as Config);
}

function isOver(stream: HttpStream): boolean {
  return stream.finished || stream.responseEnded;
}
