/**
 * Where a request would go, step by step, as plain data: what `-o json` prints, and `/explain?format=json`. A step that is not there was not
 * reached. Names of the fields are in snake case, as in Envoy's own JSON. Times are in milliseconds.
 */
import type { Rejection } from '#selection/recorder.ts';

export interface Explanation {
  request: ExplainedRequest;
  /** How a connection that the system redirects comes in. */
  way_in?: ExplainedWayIn;
  listener: ExplainedStep & { address?: string };
  filter_chain?: ExplainedStep & { tls: boolean };
  connection_manager?: ExplainedManager;
  virtual_host?: ExplainedVirtualHost;
  route?: ExplainedRoute;
  /** What filters on the way do with the request, in their order. */
  policies?: ExplainedPolicy[];
  /** A TCP proxy takes the connection: no request is looked at. */
  tcp?: true;
  cluster?: ExplainedCluster;
  upstream?: ExplainedUpstream;
  /** What the proxy answers by itself. */
  response?: ExplainedResponse;
  /** Why the connection is closed without an answer. */
  closed?: string;
  /** What was not understood, or left aside, of the configuration on the way. */
  notes?: string[];
}

/** A sidecar's connections come by the system's redirection. */
export interface ExplainedWayIn {
  /** The listener that they are redirected to. */
  name: string;
  address: string;
  direction: 'inbound' | 'outbound';
  /** Where the client meant to connect. */
  original_destination: string;
  why: string;
}

export interface ExplainedPolicy {
  filter: string;
  /** `depends`: the request alone does not tell. `notes`: it changes nothing of where the request goes. */
  outcome: 'allows' | 'denies' | 'depends' | 'notes';
  why: string;
  /** The one that decides. */
  policy?: string;
  /** Its Istio resource. */
  resource?: string;
  /** Where its configuration stands. */
  level: 'listener' | 'route table' | 'virtual host' | 'route';
  /** Other policies, and why they do not match. */
  rejected?: Rejection[];
}

/** What won a step and why; an empty name: nothing did. */
export interface ExplainedStep {
  name: string;
  why: string;
  rejected: Rejection[];
}

export interface ExplainedRequest {
  method: string;
  scheme: string;
  host: string;
  path: string;
  headers: ExplainedHeader[];
  source: string;
  destination: string;
  server_name?: string;
}

export interface ExplainedHeader {
  name: string;
  value: string;
}

/** What the connection manager makes of the request before it is routed. */
export interface ExplainedManager {
  stat_prefix: string;
  host: string;
  path: string;
  scheme: string;
  /** The client's address as the proxy trusts it. */
  client: string;
  internal: boolean;
}

export interface ExplainedVirtualHost extends ExplainedStep {
  /** Where the request goes if its Host field has the URL's port, as many clients send it. Set where that makes a difference. */
  with_port?: { host: string; virtual_host: string };
}

export interface ExplainedRoute extends ExplainedStep {
  /** The Istio resource that made it. */
  resource?: string;
  /** What the others get where the route takes only a share of its requests (runtime_fraction). */
  otherwise?: { route: string; cluster?: string; status?: number };
}

export interface ExplainedCluster extends ExplainedStep {
  /** The Istio resource that shaped it. */
  resource?: string;
  /** Empty where weights decide: then each share names its cluster. */
  name: string;
  type?: string;
  lb_policy?: string;
  hosts?: ExplainedHost[];
  /** Of an aggregate: the clusters whose hosts serve, the first before the others. */
  clusters?: string[];
  shares?: ExplainedShare[];
}

export interface ExplainedShare {
  name: string;
  weight: number;
  percent: number;
  hosts: ExplainedHost[];
}

export interface ExplainedHost {
  address: string;
  hostname?: string;
  weight?: number;
  priority?: number;
  /** Where it is not UNKNOWN, which counts as healthy. */
  health?: string;
  zone?: string;
}

/** The request as the upstream gets it, and how long the proxy waits. */
export interface ExplainedUpstream {
  /** Where weights decide: the share that the request is shown for. */
  cluster: string;
  method: string;
  host: string;
  path: string;
  headers: ExplainedHeader[];
  tls?: { server_name: string };
  /** 0: none. */
  timeout_ms: number;
  /** What says so. */
  timeout_from?: 'route' | 'request' | 'default';
  idle_timeout_ms?: number;
  max_stream_duration_ms?: number;
  priority?: 'HIGH';
  retries?: ExplainedRetries;
  mirrors?: string[];
}

export interface ExplainedRetries {
  /** What says so. */
  from: 'cluster' | 'route' | 'virtual host' | 'request';
  on: string[];
  number: number;
  per_try_timeout_ms: number;
  /** A try that meets its timeout goes on, and the next one is made beside it. */
  hedged?: true;
}

export interface ExplainedResponse {
  status: number;
  /** As %RESPONSE_CODE_DETAILS% says. */
  details: string;
  location?: string;
  body?: string;
  headers: ExplainedHeader[];
  /** The connection manager's local_reply_config, which explain does not apply, has the last word. */
  local_reply_config?: true;
}
