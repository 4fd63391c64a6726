/**
 * Says where a request would go: the proxy's own selection, step by step, with a recorder that hears what won and why the others did not.
 * No socket is opened and no name is resolved.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/life_of_a_request
 */

import { addressText } from '#config/model/address.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { FilterChain } from '#config/model/listener.ts';
import type { RouteAction, WeightedCluster } from '#config/model/route.ts';
import { answerDirectly, answerOnRoute } from '#explain/answer-directly.ts';
import { arrive } from '#explain/arrive.ts';
import { chooseFilterChain, connectionManagerOf, tcpClustersOf, whyClosed } from '#explain/choose-filter-chain.ts';
import { chooseListener } from '#explain/choose-listener.ts';
import type { ExplainedConfiguration } from '#explain/configuration.ts';
import { explainCluster, explainTcpClusters } from '#explain/explain-cluster.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';
import { explainRoute, type RoutedRequest } from '#explain/explain-route.ts';
import type { ExplainedManager, ExplainedResponse, ExplainedStep, Explanation } from '#explain/explanation.ts';
import { fillOperators } from '#explain/format-operators.ts';
import { forwardRequest } from '#explain/forward-request.ts';
import { whyUnread } from '#explain/inspect-connection.ts';
import { istioResource } from '#explain/istio-resource.ts';
import { answer, asSent } from '#explain/local-answer.ts';
import type { FillFormat } from '#explain/mutate-headers.ts';
import { prepareRequest, refusesUpgrade } from '#explain/prepare-request.ts';
import { RequestUnderWay } from '#explain/request-under-way.ts';
import { SelectionRecord, type SelectionStep } from '#selection/recorder.ts';
import { decodeUtf8 } from '#selection/utf8-text.ts';

/** @throws Error that says what is wrong with the query, for the user. */
export function explain(configuration: ExplainedConfiguration, query: ExplainQuery): Explanation {
  return new Way(configuration, new RequestUnderWay(query)).walk();
}

/** Of a route that forwards nothing (non_forwarding_action), which the router takes for one whose cluster is not there. */
const NO_CLUSTER = 503;

/** One request's way; each step is entered in the explanation as it is taken. */
class Way {
  readonly #configuration: ExplainedConfiguration;
  readonly #request: RequestUnderWay;
  readonly #record = new SelectionRecord();
  readonly #found: Explanation;

  constructor(configuration: ExplainedConfiguration, request: RequestUnderWay) {
    this.#configuration = configuration;
    this.#request = request;
    this.#found = { request: describeRequest(request), listener: { name: '', why: '', rejected: [] } };
  }

  walk(): Explanation {
    this.#connect();
    const notes = this.#configuration.notes?.() ?? [];
    if (notes.length > 0) this.#found.notes = notes;
    return this.#found;
  }

  #connect(): Explanation {
    const found = this.#found;
    const request = this.#request;
    const { listeners, open, judge } = this.#configuration;
    const arrival = arrive(this.#configuration, request, this.#record);
    if (arrival !== undefined) found.way_in = arrival.told;
    const listener = arrival === undefined ? chooseListener(listeners, request, this.#record) : arrival.chosen;
    found.listener = this.#step('listener', 'no listener takes the connection');
    if (listener === undefined) return this.#closed('nothing listens there');
    found.listener.address = addressText(listener.address);

    const unread = whyUnread(listener.listener, request);
    if (unread !== undefined) return this.#closed(unread);
    const chosen = chooseFilterChain(listener, request, this.#record);
    const chain = chosen && (open?.call(this.#configuration, chosen) ?? chosen);
    const step = this.#step('filter_chain', 'no filter chain matches the connection');
    found.filter_chain = { ...step, tls: chain?.transport.kind === 'tls' };
    if (chain === undefined) return this.#closed('no filter chain matches (filter_chain_not_found)');
    const closed = whyClosed(chain, request);
    if (closed !== undefined) return this.#closed(closed);
    const judged = judge?.call(this.#configuration, chain, request);
    if (judged !== undefined && judged.policies.length > 0) found.policies = judged.policies;
    if (judged?.closed !== undefined) return this.#closed(judged.closed);
    const manager = connectionManagerOf(chain);
    if (manager === undefined) return this.#proxyTcp(chain);
    this.#manage(manager, chain);
    if (found.response !== undefined) found.response = asSent(found.response, request, manager);
    return found;
  }

  /** Bytes of any protocol go on as they are. */
  #proxyTcp(chain: FilterChain): Explanation {
    const clusters = tcpClustersOf(chain);
    if (clusters === undefined)
      return this.#closed('the filter chain has neither an HTTP connection manager nor a TCP proxy');
    this.#found.cluster = explainTcpClusters(clusters, this.#configuration.cluster);
    this.#found.tcp = true;
    return this.#found;
  }

  #manage(manager: HttpConnectionManager, chain: FilterChain): void {
    const found = this.#found;
    const request = this.#request;
    const refused = prepareRequest(request, manager, this.#configuration);
    const routed =
      refused === undefined ? explainRoute(manager, request, this.#configuration, this.#record) : undefined;
    found.connection_manager = describeManager(manager, request);
    if (refused !== undefined) {
      found.response = refused;
      return;
    }
    if (routed === undefined) {
      found.response = answer(404, 'the routes come by discovery: they are not in this configuration');
      return;
    }
    found.virtual_host = this.#step('virtual_host', noVirtualHost(manager));
    if (routed.withPort !== undefined) found.virtual_host.with_port = routed.withPort;
    if (routed.virtualHost !== undefined) found.route = this.#step('route', 'no route matches the request');
    if (routed.route === undefined) found.response = answer(404, 'route_not_found');
    else this.#take(manager, chain, routed, routed.route);
  }

  /** The route is known: what comes of it. */
  #take(
    manager: HttpConnectionManager,
    chain: FilterChain,
    routed: RoutedRequest,
    route: NonNullable<RoutedRequest['route']>,
  ): void {
    const found = this.#found;
    const request = this.#request;
    const facts = { route: route.config.name, cluster: '' };
    const fill: FillFormat = (format, empty = '') => fillOperators(format, request, facts, empty);
    if (found.route !== undefined && routed.otherwise !== undefined) found.route.otherwise = routed.otherwise;
    const resource = istioResource(route.config.metadata);
    if (found.route !== undefined && resource !== undefined) found.route.resource = resource;
    const own = (response: ExplainedResponse, weighted?: WeightedCluster) =>
      answerOnRoute(response, route, weighted, fill);
    if (refusesUpgrade(request, manager, route)) {
      found.response = own(answer(403, 'upgrade_failed'));
      return;
    }
    const judged = this.#configuration.judge?.(chain, request, route);
    if (judged !== undefined && judged.policies.length > 0)
      found.policies = [...(found.policies ?? []), ...judged.policies];
    if (judged?.response !== undefined) {
      found.response = own(judged.response);
      return;
    }
    const direct = answerDirectly(route, request, fill);
    if (direct !== undefined) {
      found.response = direct;
      return;
    }
    const { action } = route.config;
    if (action.kind !== 'route') {
      found.response = own(answer(NO_CLUSTER, 'cluster_not_found'));
      return;
    }
    this.#forward(manager, route, action, facts, fill);
  }

  #forward(
    manager: HttpConnectionManager,
    route: NonNullable<RoutedRequest['route']>,
    action: RouteAction,
    facts: { cluster: string },
    fill: FillFormat,
  ): void {
    const found = this.#found;
    const { explained, chosen } = explainCluster(action, this.#request, this.#configuration);
    found.cluster = explained;
    const cluster = this.#configuration.cluster(chosen.name);
    if (cluster === undefined) {
      const response = answer(action.clusterNotFoundResponseCode, 'cluster_not_found');
      found.response = answerOnRoute(response, route, chosen.weighted, fill);
      return;
    }
    facts.cluster = cluster.name;
    found.upstream = forwardRequest(this.#request, { manager, route, action, cluster, chosen }, fill);
  }

  #step(step: SelectionStep, failure: string): ExplainedStep {
    const record = this.#record.steps.get(step);
    if (record === undefined) return { name: '', why: failure, rejected: [] };
    return record.why === '' ? { ...record, why: failure } : { ...record };
  }

  #closed(why: string): Explanation {
    this.#found.closed = why;
    return this.#found;
  }
}

function describeManager({ statPrefix }: HttpConnectionManager, request: RequestUnderWay): ExplainedManager {
  return {
    stat_prefix: statPrefix,
    host: decodeUtf8(request.host),
    path: decodeUtf8(request.path),
    scheme: request.scheme,
    client: request.client,
    internal: request.internal,
  };
}

function describeRequest(request: RequestUnderWay): Explanation['request'] {
  const { connection } = request;
  const destination = request.destination ?? request.target.hostname;
  const name = connection.serverName;
  return {
    method: request.method,
    scheme: request.target.scheme,
    host: decodeUtf8(request.host),
    path: decodeUtf8(request.path),
    headers: request.headers.list(),
    source: connection.sourceAddress,
    destination: connection.destinationPort === 0 ? destination : withPort(destination, connection.destinationPort),
    ...(name === '' ? {} : { server_name: name }),
  };
}

function withPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether some route takes the request, or a TCP proxy the connection. */
export function isRouted({ route, tcp, cluster }: Explanation): boolean {
  return (route !== undefined && route.name !== '') || (tcp === true && cluster !== undefined);
}

function noVirtualHost({ routes }: HttpConnectionManager): string {
  const more = routes.kind === 'inline' && routes.table.vhds !== undefined;
  return `no domain matches the host${more ? ' (virtual hosts that are not there may be fetched: vhds)' : ''}`;
}
