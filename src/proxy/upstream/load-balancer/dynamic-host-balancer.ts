/**
 * The host is the one that the request names, once its name is resolved: filters see to that before the request comes here.
 * Follows extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig.
 */
import type { Host } from '#proxy/upstream/host.ts';
import type { ChoiceView, LoadBalancer, LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';
import { splitHostPort } from '#selection/ip-port.ts';

/** Filter state that goes before the request's own host, as Envoy's filters set it. */
export const DYNAMIC_HOST = 'envoy.upstream.dynamic_host';
export const DYNAMIC_PORT = 'envoy.upstream.dynamic_port';

export class DynamicHostBalancer implements LoadBalancer {
  readonly asksRequest = true;
  private readonly hosts: PrioritySet;
  private readonly defaultPort: number;

  constructor(hosts: PrioritySet, defaultPort: number) {
    this.hosts = hosts;
    this.defaultPort = defaultPort;
  }

  choose(context?: LoadBalancerContext): Host | undefined {
    const request = context?.request;
    if (request === undefined) return undefined;
    const wanted = wantedHost(request, this.defaultPort);
    return wanted && this.hosts.find(`${wanted.host}:${wanted.port}`);
  }

  peekAnother(): undefined {
    return undefined;
  }

  close(): void {}
}

/** @returns whom the request asks for; undefined: it does not say */
export function wantedHost(
  { filterState, host: authority }: Pick<ChoiceView, 'filterState' | 'host'>,
  defaultPort: number,
): { host: string; port: number } | undefined {
  const host = filterState?.get(DYNAMIC_HOST);
  if (typeof host === 'string') return { host, port: Number(filterState?.get(DYNAMIC_PORT) ?? defaultPort) };
  if (authority === undefined || authority === '') return undefined;
  const { name, port } = splitHostPort(authority);
  return { host: name, port: port ?? defaultPort };
}
