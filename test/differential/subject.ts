/** What a differential test is given, and what is observed of each proxy. */
import type { TlsOptions } from 'node:tls';
import type { Json } from '#testing/bootstrap.ts';
import type { Http2Behaviour, Http2Upstream, Http2UpstreamOptions } from '#testing/http2-upstream.ts';
import type { RunningProxy } from '#testing/start-proxy.ts';
import type { Behaviour, Upstream } from '#testing/start-upstream.ts';
import type { WireClient, WireOptions } from '#testing/wire-client.ts';

/** As the path of an access logger: the file that is compared. Its lines begin with the connection's direct remote and local address. */
export const LOG_FILE = '<the log that is compared>';

/** One bootstrap with its upstreams, and exchanges to try on it. */
export interface Subject {
  /** Makes the bootstrap for these ports of the upstreams. Each connection manager gets an access log, and a short delayed_close_timeout, unless it has them. */
  bootstrap(ports: Record<string, number>): Json;
  upstreams?: Record<string, Behaviour | { behaviour: Behaviour; tls: TlsOptions }>;
  /** Those that speak HTTP/2. */
  http2Upstreams?: Record<string, { behaviour: Http2Behaviour } & Http2UpstreamOptions>;
  cases: Case[];
  /** The names of the counters and gauges to compare once all cases have run. */
  counters?: RegExp;
  concurrency?: number;
  args?: string[];
  /** For every connection. */
  connect?: WireOptions;
  /**
   * Why ours differs: by case (or `counters`, or `everywhere`), then by the path of what differs, such as
   * `responses[0].headers.server`; a path covers what is below it.
   */
  explained?: Record<string, Record<string, string>>;
}

/** One connection with one or more requests. */
export interface Case {
  name: string;
  /** The bytes to send, or what the client does. */
  send: string | ((wire: WireClient, act: Acting) => Promise<void>);
  /** The methods of the requests, one for each answer to come; `['GET']` or what the bytes begin with. */
  methods?: string[];
  /** What real Envoy answers with, so that the case is sure to test what it means to. */
  status?: number | number[];
  listener?: string;
  connect?: WireOptions;
  /** Tells by another request on the same connection whether it was kept; only where the first ones are well-formed. */
  probe?: boolean;
}

/** What a case may do besides using its own connection. */
export interface Acting {
  upstreams: Record<string, Upstream>;
  http2Upstreams: Record<string, Http2Upstream>;
  proxy: RunningProxy;
  /** The case's listener. */
  listener: string | undefined;
  /** Another connection to the case's listener, closed in the end. */
  connect(): Promise<WireClient>;
  /** Something that was seen, to be compared. */
  note(text: string): void;
}

/** A message with its headers by lower-case name; the values of one name in their order. */
export interface SeenMessage {
  line: string;
  headers: Record<string, string | string[]>;
  /** Their names in the order in which they came. */
  order: string;
  body: string;
  framing: string;
  trailers: Record<string, string | string[]>;
}

export interface Observation {
  responses: SeenMessage[];
  /** Bytes that make no whole response. */
  rest: string;
  /** The connection's fate; `silent`: it stays, and fewer answers came than expected. */
  end: 'kept' | 'end' | 'reset' | 'silent' | 'unknown';
  upstream: (SeenMessage & { cluster: string })[];
  log: string[];
  notes: string[];
}

/** A request's bytes: the request line, header lines, a body. */
export function request(line: string, headers: string[] = ['host: example.test'], body = ''): string {
  return `${line}\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n${body}`;
}

/** `GET` of a path with these headers after `host: example.test`. */
export function get(path: string, ...headers: string[]): string {
  return request(`GET ${path} HTTP/1.1`, ['host: example.test', ...headers]);
}

/** `POST` to a path with a body and its length. */
export function post(path: string, body: string, ...headers: string[]): string {
  return request(`POST ${path} HTTP/1.1`, ['host: example.test', `content-length: ${body.length}`, ...headers], body);
}
