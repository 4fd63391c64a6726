/**
 * Where a request would go, step by step, as plain data: what `-o json` prints, and `/explain?format=json`. A step that is not there was not
 * reached. Names of the fields are in snake case, as in Envoy's own JSON. Times are in milliseconds.
 */
import type { Rejection } from '#selection/recorder.ts';

export interface Explanation {
  request: ExplainedRequest;
  listener: ExplainedStep & { address?: string };
  filter_chain?: ExplainedStep & { tls: boolean };
  connection_manager?: ExplainedManager;
  virtual_host?: ExplainedVirtualHost;
  route?: ExplainedRoute;
  cluster?: ExplainedCluster;
  upstream?: ExplainedUpstream;
  /** What the proxy answers by itself. */
  response?: ExplainedResponse;
  /** Why the connection is closed without an answer. */
  closed?: string;
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
  /** What the others get where the route takes only a share of its requests (runtime_fraction). */
  otherwise?: { route: string; cluster?: string; status?: number };
}

export interface ExplainedCluster extends ExplainedStep {
  /** Empty where weights decide: then each share names its cluster. */
  name: string;
  type?: string;
  lb_policy?: string;
  hosts?: ExplainedHost[];
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
  idle_timeout_ms?: number;
  max_stream_duration_ms?: number;
  priority?: 'HIGH';
  retries?: ExplainedRetries;
  mirrors?: string[];
}

export interface ExplainedRetries {
  on: string[];
  number: number;
  per_try_timeout_ms: number;
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
