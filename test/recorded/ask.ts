/**
 * Asks real Envoy: sends raw requests to its listeners and gives back what it answered and what its upstream was sent.
 */
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, staticCluster } from '#testing/bootstrap.ts';
import { headerOf, readMessage } from '#testing/http-message.ts';
import type { Scope } from '#testing/scope.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { type Behaviour, startUpstream, type Upstream } from '#testing/start-upstream.ts';
import type { WireClient, WireResponse } from '#testing/wire-client.ts';

/** What became of one request. */
export interface Asked {
  status: number;
  headers: [string, string][];
  /** The status line, as sent. */
  line: string;
  body: string;
  /** Of the local reply, or `via_upstream`. */
  details: string;
  /** DOWNSTREAM_REMOTE_ADDRESS; `<peer>` stands for the client's own address and port. */
  remote: string;
  /** The request's scheme. */
  scheme: string;
  /** What the upstream got. */
  upstream: { line: string; headers: [string, string][] } | undefined;
  /** Envoy closed the connection. */
  closed: boolean;
}

/** How many connections ask at a time. */
const AT_ONCE = 8;

/** Puts what is seen of a request into headers of its answer, whoever makes the answer. */
const TOLD: Json[] = [
  { header: { key: 'x-told-details', value: '%RESPONSE_CODE_DETAILS%' } },
  { header: { key: 'x-told-remote', value: '%DOWNSTREAM_REMOTE_ADDRESS%' } },
  { header: { key: 'x-told-scheme', value: '%REQ(:SCHEME)%' } },
];

export interface Place {
  /** Managers by the name of their listener. */
  managers: Record<string, Json>;
  upstream?: Behaviour;
  cluster?: Json;
  /** Fields of the listeners. */
  listener?: Json;
}

export class Envoy {
  readonly proxy: RunningProxy;
  readonly upstream: Upstream;

  constructor(proxy: RunningProxy, upstream: Upstream) {
    this.proxy = proxy;
    this.upstream = upstream;
  }

  /** Sends each request on a connection of its own. @returns the answers in the order of the requests */
  async ask(requests: readonly { listener: string; bytes: string }[]): Promise<Asked[]> {
    const answers: Asked[] = [];
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < requests.length) {
        const i = next++;
        answers[i] = await this.#one(requests[i].listener, requests[i].bytes);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    return answers;
  }

  async #one(listener: string, bytes: string): Promise<Asked> {
    const wire = await this.proxy.connect(listener);
    await wire.send(bytes);
    const response = await wire.response(bytes.startsWith('HEAD ') ? 'HEAD' : 'GET');
    const asked = seen(wire, response);
    wire.destroy();
    return asked;
  }
}

/** Starts real Envoy with these listeners before one upstream, which answers with the head that it got. */
export async function startEnvoy(t: Scope, place: Place): Promise<Envoy> {
  const upstream = await startUpstream(t, place.upstream ?? echoHead);
  const listeners = Object.entries(place.managers).map(([name, manager]) =>
    httpListener({
      name,
      listener: place.listener,
      manager: {
        local_reply_config: {
          mappers: [{ filter: EVERYTHING, headers_to_add: TOLD }],
        },
        delayed_close_timeout: '0.05s',
        ...withTold(manager),
      },
    }),
  );
  const proxy = await startProxy(t, bootstrap(listeners, [staticCluster('c', [upstream.port], place.cluster)]), {
    kind: 'envoy',
  });
  return new Envoy(proxy, upstream);
}

const EVERYTHING: Json = {
  status_code_filter: { comparison: { op: 'GE', value: { default_value: 100, runtime_key: 'no.such' } } },
};

/** The answer's body is the request's head; what came of the peer that matters is all in it. */
const echoHead: Behaviour = async (exchange) => {
  const message = await exchange.whole();
  if (message === undefined) return;
  await answer({ headers: { 'x-echo': '1' }, body: message.head })(exchange);
};

function withTold(manager: Json): Json {
  return {
    route_config: {
      name: 'r',
      response_headers_to_add: TOLD,
      virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'c' } }] }],
    },
    ...manager,
  };
}

function seen(wire: WireClient, response: WireResponse): Asked {
  const echoed = headerOf(response, 'x-echo') === undefined ? undefined : Buffer.from(response.body, 'latin1');
  const request = echoed && readMessage(echoed, { kind: 'response', method: 'HEAD', ended: true });
  return {
    status: response.status,
    line: response.startLine,
    headers: response.headers,
    body: response.body,
    details: response.header('x-told-details') ?? '',
    remote: (response.header('x-told-remote') ?? '').replace(`127.0.0.1:${wire.localPort}`, '<peer>'),
    scheme: response.header('x-told-scheme') ?? '',
    upstream: request && { line: request.startLine, headers: request.headers },
    closed: response.header('connection') === 'close',
  };
}
