/** Runs a subject's cases through one proxy, one after another, and notes what can be seen. Values that vary are masked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileAccessLog, type Json } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { type HttpMessage, readMessage } from '#testing/http-message.ts';
import { type Http2Upstream, startHttp2Upstream } from '#testing/http2-upstream.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import type { Scope } from '#testing/scope.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream, type Upstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { type Acting, type Case, LOG_FILE, type Observation, type SeenMessage, type Subject } from './subject.ts';

/** What tells a probe from a case's own requests. */
const PROBE = '/probe-is-it-kept';

/** The connection's own addresses come first: they say to which case a line belongs. */
const LOG_FORMAT = [
  '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%',
  '%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%',
  'code=%RESPONSE_CODE%',
  'flags=%RESPONSE_FLAGS%',
  'details=%RESPONSE_CODE_DETAILS%',
  'termination=%CONNECTION_TERMINATION_DETAILS%',
  'upstream=%UPSTREAM_HOST%',
  'cluster=%UPSTREAM_CLUSTER%',
  'attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  'failure=%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  'route=%ROUTE_NAME%',
  'received=%BYTES_RECEIVED%',
  'sent=%BYTES_SENT%',
  'protocol=%PROTOCOL%',
  'remote=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  'method=%REQ(:METHOD)%',
  'scheme=%REQ(:SCHEME)%',
  'authority=%REQ(:AUTHORITY)%',
  'path=%REQ(:PATH)%',
].join(' ');

export interface Observations {
  cases: Map<string, Observation>;
  counters: Record<string, number>;
}

export async function observe(t: Scope, subject: Subject, kind: ProxyKind): Promise<Observations> {
  const upstreams: Record<string, Upstream> = {};
  for (const [name, given] of Object.entries(subject.upstreams ?? {})) {
    const { behaviour, tls } = typeof given === 'function' ? { behaviour: given, tls: undefined } : given;
    upstreams[name] = await startUpstream(t, behaviour, { tls });
  }
  const http2Upstreams: Record<string, Http2Upstream> = {};
  for (const [name, { behaviour, ...options }] of Object.entries(subject.http2Upstreams ?? {}))
    http2Upstreams[name] = await startHttp2Upstream(t, behaviour, options);
  const ports = Object.fromEntries(
    Object.entries({ ...upstreams, ...http2Upstreams }).map(([name, upstream]) => [name, upstream.port]),
  );
  const logFile = join(temporaryFolder(t), 'access.log');
  const bootstrap = prepared(structuredClone(subject.bootstrap(ports)), logFile);
  const proxy = await startProxy(t, bootstrap, { kind, concurrency: subject.concurrency, args: subject.args });

  const run = new Run(subject, proxy, upstreams, http2Upstreams, ports);
  for (const one of subject.cases) await run.one(one);
  run.closeAll();
  await run.readLog(logFile);
  return { cases: run.cases, counters: await run.counters() };
}

class Run {
  readonly cases = new Map<string, Observation>();
  readonly #subject: Subject;
  readonly #proxy: RunningProxy;
  readonly #upstreams: Record<string, Upstream>;
  readonly #http2Upstreams: Record<string, Http2Upstream>;
  readonly #ports: Record<string, number>;
  /** The case of each connection: `client port-listener port`. */
  readonly #clients = new Map<string, Observation>();
  readonly #listeners = new Set<number>();
  readonly #wires: WireClient[] = [];

  constructor(
    subject: Subject,
    proxy: RunningProxy,
    upstreams: Record<string, Upstream>,
    http2Upstreams: Record<string, Http2Upstream>,
    ports: Record<string, number>,
  ) {
    this.#subject = subject;
    this.#proxy = proxy;
    this.#upstreams = upstreams;
    this.#http2Upstreams = http2Upstreams;
    this.#ports = ports;
  }

  async one(given: Case): Promise<void> {
    const before = Object.entries({ ...this.#upstreams, ...this.#http2Upstreams }).map(([name, upstream]) => ({
      name,
      upstream,
      from: upstream.requests.length,
    }));
    const wire = await this.#proxy.connect(given.listener, { ...this.#subject.connect, ...given.connect });
    this.#wires.push(wire);
    const listener = await this.#proxy.listenerPort(given.listener);
    this.#listeners.add(listener);
    const seen: Observation = { responses: [], rest: '', end: 'unknown', upstream: [], log: [], notes: [] };
    this.cases.set(given.name, seen);
    this.#clients.set(`${wire.localPort}-${listener}`, seen);

    if (typeof given.send === 'string') await wire.send(given.send);
    else await given.send(wire, this.#acting(given, seen));
    await this.#answers(given, wire, seen);
    for (const { name, upstream, from } of before) {
      for (const { head, message, part } of upstream.requests.slice(from)) {
        if (head.includes(PROBE)) continue;
        seen.upstream.push({
          cluster: name,
          ...this.#seen(
            message ?? (part === undefined ? headOnly(head) : { ...part, body: '<not whole>' }),
            wire.localPort,
          ),
        });
      }
    }
  }

  #acting(given: Case, seen: Observation): Acting {
    return {
      upstreams: this.#upstreams,
      http2Upstreams: this.#http2Upstreams,
      proxy: this.#proxy,
      listener: given.listener,
      connect: async () => {
        const wire = await this.#proxy.connect(given.listener, { ...this.#subject.connect, ...given.connect });
        this.#wires.push(wire);
        return wire;
      },
      note: (text) => seen.notes.push(text),
    };
  }

  closeAll(): void {
    for (const wire of this.#wires) wire.destroy();
  }

  /** Reads the log once it has stopped growing. */
  async readLog(file: string): Promise<void> {
    let last = -1;
    let still = 0;
    await eventually('the access log is quiet', () => {
      const size = readIfThere(file).length;
      still = size === last ? still + 1 : 0;
      last = size;
      return still > 8;
    });
    for (const line of readIfThere(file).split('\n')) {
      if (line === '' || line.includes(PROBE)) continue;
      const [remote, local, ...rest] = line.split(' ');
      const port = remote.split(':').pop();
      this.#clients.get(`${port}-${local.split(':').pop()}`)?.log.push(this.#mask(rest.join(' '), Number(port)));
    }
    for (const { log } of this.cases.values()) log.sort();
  }

  async counters(): Promise<Record<string, number>> {
    const wanted = this.#subject.counters;
    if (wanted === undefined) return {};
    return Object.fromEntries(Object.entries(await this.#proxy.stats()).filter(([name]) => wanted.test(name)));
  }

  async #answers(given: Case, wire: WireClient, seen: Observation): Promise<void> {
    const methods = [...(given.methods ?? [methodOf(given.send)])];
    try {
      while (methods.length > 0) {
        const response = await wire.response(methods[0]);
        seen.responses.push(this.#seen(response, wire.localPort));
        if (response.status >= 200) methods.shift();
      }
    } catch {
      seen.rest = this.#mask(wire.rest, wire.localPort);
      seen.end = wire.ending ?? 'silent';
      return;
    }
    const last = seen.responses.at(-1);
    if (wire.ending === undefined && last?.headers.connection !== 'close' && given.probe !== false) {
      await wire.send(`GET ${PROBE} HTTP/1.1\r\nhost: probe.test\r\n\r\n`);
      const kept = await wire.response().catch(() => undefined);
      seen.end = kept === undefined ? (wire.ending ?? 'silent') : 'kept';
    } else if (given.probe !== false) {
      seen.end = await wire.closed().catch(() => 'silent' as const);
      seen.rest = this.#mask(wire.rest, wire.localPort);
    }
  }

  #seen(message: HttpMessage, clientPort: number): SeenMessage {
    return {
      line: this.#mask(message.startLine, clientPort),
      headers: this.#fields(message.headers, clientPort),
      order: orderOf(message),
      body: this.#mask(message.body, clientPort),
      framing: message.framing,
      trailers: this.#fields(message.trailers, clientPort),
    };
  }

  #fields(pairs: [string, string][], clientPort: number): Record<string, string | string[]> {
    const all: Record<string, string | string[]> = {};
    for (const [name, value] of pairs) {
      const masked = this.#maskValue(name.toLowerCase(), this.#mask(value, clientPort));
      const known = all[name];
      all[name] = known === undefined ? masked : [known, masked].flat();
    }
    return all;
  }

  #maskValue(name: string, value: string): string {
    if (name === 'date' && /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/.test(value)) return '<date>';
    if (name === 'x-envoy-upstream-service-time' && /^\d+$/.test(value)) return '<ms>';
    if (name === 'x-envoy-expected-rq-timeout-ms') return String(Math.ceil(Number(value) / 500) * 500);
    if (name === 'x-forwarded-port' && this.#listeners.has(Number(value))) return '<listener>';
    return value;
  }

  /** Replaces what differs from run to run by a name of what it is. */
  #mask(text: string, clientPort: number): string {
    let masked = text.replaceAll(`:${clientPort}`, ':<client>');
    for (const [name, port] of Object.entries(this.#ports)) masked = masked.replaceAll(`:${port}`, `:<${name}>`);
    for (const port of this.#listeners) masked = masked.replaceAll(`:${port}`, ':<listener>');
    return masked
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g, '<uuid>')
      .replace(/^(date: ).* GMT/gm, '$1<date>')
      .replace(/^(x-envoy-upstream-service-time: )\d+/gm, '$1<ms>');
  }
}

/** The order of pseudo headers is nobody's business. */
function orderOf({ headers }: HttpMessage): string {
  return headers
    .map(([name]) => name.toLowerCase())
    .filter((name) => !name.startsWith(':'))
    .join(' ');
}

function methodOf(send: Case['send']): string {
  return typeof send === 'string' && /^(HEAD|CONNECT) /.test(send) ? send.split(' ', 1)[0] : 'GET';
}

function headOnly(head: string): HttpMessage {
  const message = readMessage(Buffer.from(head, 'latin1'), { kind: 'response', method: 'HEAD', ended: true });
  return { ...(message as HttpMessage), body: '<not whole>' };
}

/** Adds an access log to each connection manager, and spares us the second that Envoy waits before it closes. */
function prepared(bootstrap: Json, file: string): Json {
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const fields = node as Json;
    if (String(fields['@type']).endsWith('.HttpConnectionManager')) {
      fields.access_log ??= [fileAccessLog(file, LOG_FORMAT)];
      fields.delayed_close_timeout ??= '0.05s';
    }
    if (fields.path === LOG_FILE) fields.path = file;
    for (const value of Object.values(fields)) walk(value);
  };
  walk(bootstrap);
  return bootstrap;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
