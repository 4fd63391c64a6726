/**
 * The explained request on its way: what selection sees of it, changed by each step as the proxy would change it.
 */

import { isIP } from 'node:net';
import type { ExplainQuery } from '#explain/explain-query.ts';
import { ExplainedHeaders } from '#explain/explained-headers.ts';
import { parseAddress, parseUrl, type Target } from '#explain/parse-target.ts';
import type { ConnectionView, RequestView } from '#selection/request-view.ts';
import { encodeUtf8 } from '#selection/utf8-text.ts';

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What an Istio sidecar offers to another. */
const PEER_PROTOCOLS = ['istio-http/1.1', 'istio', 'http/1.1'];
const BAD_VALUE = /[\0\r\n]/;

export class RequestUnderWay implements RequestView {
  readonly target: Target;
  readonly method: string;
  connection: ConnectionView;
  headers: ExplainedHeaders;
  host: string;
  /** No Host field was given: the host is the URL's. */
  readonly hostOfUrl: boolean;
  path: string;
  scheme: string;
  /** The address to connect to where it is known: an IP address or a unix socket's path. */
  destination: string | undefined;
  /** The client as the proxy trusts it. */
  client: string;
  internal = false;
  /** The client that the PROXY protocol tells. */
  readonly proxied: { address: string; port: number } | undefined;
  readonly direction: ExplainQuery['direction'];
  /** The client's identity where it shows a certificate of the mesh. */
  readonly peer: string | undefined;
  /** Decides fractions: 0 is in every one that takes any request at all. */
  random = 0;

  /** @throws Error that says what is wrong with the query, for the user. */
  constructor(query: ExplainQuery) {
    const target = parseUrl(query.url);
    this.target = target;
    if (!NAME.test(query.method)) throw new Error(`method '${query.method}' is not a word`);
    this.method = query.method;
    this.headers = new ExplainedHeaders(query.headers.map(([name, value]) => checkedHeader(name, value)));
    this.hostOfUrl = !this.headers.has('host');
    this.host = this.headers.take('host') ?? encodeUtf8(target.authority);
    this.path = this.method === 'CONNECT' ? '' : target.path;
    this.scheme = target.scheme;
    const unix = query.destination?.startsWith('/') === true;
    const known = isIP(target.hostname) === 0 ? undefined : target.hostname;
    const to =
      query.destination === undefined || unix
        ? { address: known ?? '', port: target.port }
        : parseAddress(query.destination, 'destination');
    this.destination = unix ? query.destination : to.address === '' ? undefined : to.address;
    const from = parseAddress(query.source ?? '127.0.0.1', 'source');
    this.client = from.address;
    this.proxied = query.proxied === undefined ? undefined : parseAddress(query.proxied, 'proxied');
    this.direction = query.direction;
    this.peer = query.peer;
    const secure = target.scheme === 'https' || query.peer !== undefined;
    const alpn = query.alpn.length === 0 && query.peer !== undefined ? PEER_PROTOCOLS : query.alpn;
    const name = query.serverName ?? (known === undefined ? target.hostname : '');
    this.connection = {
      destinationAddress: unix ? (query.destination as string) : to.address,
      destinationPort: unix ? 0 : to.port || target.port,
      sourceAddress: unix ? '' : from.address,
      sourcePort: from.port,
      directSourceAddress: unix ? '' : from.address,
      serverName: secure ? name.toLowerCase() : '',
      transportProtocol: secure ? 'tls' : 'raw_buffer',
      applicationProtocols: secure ? alpn : [],
      tls: secure ? { presented: query.peer !== undefined, validated: query.peer !== undefined } : undefined,
    };
  }
}

function checkedHeader(name: string, value: string): [string, string] {
  if (!NAME.test(name)) throw new Error(`header '${name}' is not a name`);
  if (BAD_VALUE.test(value)) throw new Error(`header '${name}' has a line break or NUL in its value`);
  return [name.toLowerCase(), encodeUtf8(value)];
}
