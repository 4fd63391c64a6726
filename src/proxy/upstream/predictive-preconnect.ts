/**
 * Connections to the hosts that come next in turn, made before a request goes there: as many as the requests of all clusters, on this worker,
 * ask for by predictive_preconnect_ratio. As in Envoy, room that any cluster has counts for all.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling (preconnecting) and
 * Cluster.PreconnectPolicy.
 */
import type { Host } from '#proxy/upstream/host.ts';
import type { LoadBalancer } from '#proxy/upstream/load-balancer/load-balancer.ts';

/** Envoy looks at no more for one request. */
const HOSTS_AT_ONCE = 3;

/** What a pool has, or all pools of a worker together. */
export interface Connectivity {
  waiting: number;
  active: number;
  /** For how many requests there is room, on connections that are there and that are being made. */
  room: number;
}

/** Each pool adds its own changes, once somebody asks for the sum. */
export class WorkerConnectivity implements Connectivity {
  waiting = 0;
  active = 0;
  room = 0;
  /** There is, or was, a cluster that goes by it. */
  asked = false;
}

export interface PreconnectingPool {
  /** @returns whether a connection was made and more may be */
  connectAhead(ratio: number): boolean;
}

export class PredictivePreconnect {
  private readonly ratio: number;
  private readonly balancer: Pick<LoadBalancer, 'peekAnother'>;
  private readonly all: WorkerConnectivity;

  constructor(ratio: number, balancer: Pick<LoadBalancer, 'peekAnother'>, all: WorkerConnectivity) {
    this.ratio = ratio;
    this.balancer = balancer;
    this.all = all;
    all.asked = true;
  }

  /** A request is about to be given to a pool. @param poolOf the pool of the same kind of another host, if it may have one */
  beforeRequest(poolOf: (host: Host) => PreconnectingPool | undefined): void {
    for (let i = 0; i < HOSTS_AT_ONCE; i++) {
      if (!wantsConnection(this.all, this.ratio, 1)) return;
      const host = this.balancer.peekAnother();
      if (host === undefined || poolOf(host)?.connectAhead(this.ratio) !== true) return;
    }
  }
}

/** @param expected requests that are about to come */
export function wantsConnection({ waiting, active, room }: Connectivity, ratio: number, expected: number): boolean {
  return (waiting + active + expected) * ratio > room + active;
}
