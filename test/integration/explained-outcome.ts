/**
 * What came of random requests, seen from outside of the proxy and told by explain, in one form, so that both can be compared.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Explanation } from '#explain/explanation.ts';
import { NEW_REQUEST_ID } from '#explain/prepare-request.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { type WireClient, type WireResponse, wireClient } from '#testing/wire-client.ts';
import type { RandomRequest } from './random-request.ts';

/** An upstream that answers with the head that it got. */
export async function startEcho(t: TestContext): Promise<number> {
  const upstream = await startUpstream(t, async (exchange) => {
    const { head } = exchange.request;
    upstream.requests.length = 0;
    await exchange.write(`HTTP/1.1 200 OK\r\ncontent-length: ${head.length}\r\n\r\n${head}`);
  });
  return upstream.port;
}

/** What came of a request, as far as both can tell. */
export interface Outcome {
  status: number | 'closed';
  route: string;
  cluster: string;
  location: string;
  grpcStatus: string;
  body: string;
  /** Request line and sorted fields, as the upstream got them. */
  upstream: string[];
}

const NOTHING: Outcome = {
  status: 'closed',
  route: '',
  cluster: '',
  location: '',
  grpcStatus: '',
  body: '',
  upstream: [],
};

/** Sends requests on connections that it keeps, one for each source. */
export class Asker {
  readonly #port: number;
  readonly #connections = new Map<string, WireClient>();

  constructor(port: number) {
    this.#port = port;
  }

  async ask(request: RandomRequest): Promise<Outcome> {
    const kept = this.#connections.get(request.source);
    if (kept !== undefined && !kept.socket.destroyed) {
      const done = await exchange(kept, request);
      // A connection that was kept may have been closed after its last answer.
      if (done !== NOTHING) return done;
    }
    const wire = await wireClient(this.#port, { localAddress: request.source });
    this.#connections.set(request.source, wire);
    return await exchange(wire, request);
  }

  close(): void {
    for (const wire of this.#connections.values()) wire.destroy();
  }
}

async function exchange(wire: WireClient, { method, path, headers }: RandomRequest): Promise<Outcome> {
  const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  await wire.send(`${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
  await wire.something();
  if (wire.rest === '' && wire.ending !== undefined) return NOTHING;
  const response = await wire.response(method);
  if (response.header('connection') === 'close') wire.destroy();
  return outcome(response);
}

function outcome(response: WireResponse): Outcome {
  const body = response.body;
  const forwarded = / HTTP\/1\.1\r\n/.test(body);
  return {
    status: response.status,
    route: response.header('x-route') ?? '',
    cluster: response.header('x-cluster') ?? '',
    location: response.header('location') ?? '',
    grpcStatus: response.header('grpc-status') ?? '',
    body: forwarded ? '' : body,
    upstream: forwarded ? requestLines(body) : [],
  };
}

/** The request without the fields that frame it, which are the codec's. */
function requestLines(head: string): string[] {
  const [line, ...fields] = head.trimEnd().split('\r\n');
  const told = fields.filter((field) => !/^(content-length|transfer-encoding):/.test(field));
  const lines = told.map((field) => field.replace(/^(x-request-id): (?!mine|7ab1e2f0).*/, '$1: new').trimEnd());
  return [line.replace(/ HTTP.*/, ''), ...lines.sort()];
}

/** What explain expects; where chance decides, that of its two answers which came true, or the first. */
export function expected(told: Explanation, done: Outcome): Outcome {
  if (told.closed !== undefined) return NOTHING;
  const first = followed(told, done);
  const { otherwise } = told.route ?? {};
  if (otherwise === undefined || isDeepStrictEqual(first, done)) return first;
  const { status = done.status, cluster, route } = otherwise;
  const grpc = done.grpcStatus !== '';
  return { ...done, route, status: grpc ? 200 : status, cluster: route === '' ? '' : (cluster ?? done.cluster) };
}

/** What comes of the way that explain followed. A share of a cluster that chance chose is taken as it is. */
function followed(told: Explanation, done: Outcome): Outcome {
  const { response, upstream, cluster } = told;
  if (response !== undefined) {
    const field = (name: string) => response.headers.find((header) => header.name === name)?.value ?? '';
    return {
      ...NOTHING,
      status: response.status,
      route: field('x-route'),
      cluster: field('x-cluster'),
      location: response.location ?? '',
      grpcStatus: field('grpc-status'),
      body: response.body ?? '',
    };
  }
  assert.ok(upstream !== undefined && cluster !== undefined);
  const share =
    cluster.name === '' ? cluster.shares?.find(({ name, weight }) => weight > 0 && name === done.cluster) : cluster;
  const fields = [{ name: 'host', value: upstream.host }, ...upstream.headers].map(({ name, value }) =>
    value === NEW_REQUEST_ID ? `${name}: new` : `${name}: ${value}`.trimEnd(),
  );
  return {
    ...NOTHING,
    status: 200,
    route: told.route?.name ?? '',
    cluster: share?.name ?? 'none that may be chosen',
    upstream:
      upstream.cluster === done.cluster ? [`${upstream.method} ${upstream.path}`, ...fields.sort()] : done.upstream,
  };
}
