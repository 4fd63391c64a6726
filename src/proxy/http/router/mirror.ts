/**
 * Copies of requests that are sent on to other clusters and whose answers nobody reads. A copy goes out when the request is whole.
 * Follows config.route.v3.RouteAction.RequestMirrorPolicy.
 */
import type { MirrorPolicy, RouteAction } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { countOwnRequest, signOwnRequest } from '#proxy/upstream/own-request.ts';
import type { HttpWaiter, RequestEncoder } from '#proxy/upstream/request-encoder.ts';
import type { CompiledVirtualHost } from '#selection/compiled-route.ts';
import type { Headers } from '#wire/headers.ts';
import { Headers as HeaderMap } from '#wire/headers.ts';

/** @returns the clusters that get a copy of this request */
export function mirrorClusters(
  stream: HttpStream,
  policies: readonly MirrorPolicy[],
): { cluster: Cluster; policy: MirrorPolicy }[] {
  const { clusters, runtime } = stream.manager.worker;
  return policies.flatMap((policy) => {
    if (policy.fraction !== undefined && !runtime.enabled(policy.fraction, stream.random)) return [];
    const name = policy.cluster !== '' ? policy.cluster : (stream.requestHeaders.get(policy.clusterHeader) ?? '');
    const cluster = clusters.get(name);
    return cluster === undefined ? [] : [{ cluster, policy }];
  });
}

/** @returns the policies of the nearest level that has any: route, virtual host, route table */
export function mirrorPolicies(action: RouteAction, host: CompiledVirtualHost): readonly MirrorPolicy[] {
  if (action.requestMirrorPolicies.length > 0) return action.requestMirrorPolicies;
  if (host.config.requestMirrorPolicies.length > 0) return host.config.requestMirrorPolicies;
  return host.table.config.requestMirrorPolicies;
}

/** Sends one copy. `body` is not changed by anyone from here on. */
export function sendMirror(stream: HttpStream, cluster: Cluster, policy: MirrorPolicy, body: readonly Buffer[]): void {
  const { loadBalancer } = cluster;
  const context = loadBalancer.asksRequest ? { request: stream, hostSelectionRetryCount: 0 } : undefined;
  const host = loadBalancer.choose(context);
  if (host === undefined) return;
  const copy = stream.another();
  copy.protocol = stream.protocol;
  copy.method = stream.method;
  copy.path = stream.path;
  copy.scheme = stream.scheme;
  copy.host = policy.hostRewriteLiteral || hostOf(stream, policy);
  copy.requestHeaders.addAll(stream.requestHeaders);
  signOwnRequest(copy.requestHeaders);
  countOwnRequest(cluster.worker);
  new MirroredRequest(copy, cluster, body).begin(host);
}

function hostOf({ host }: HttpStream, { disableShadowHostSuffixAppend }: MirrorPolicy): string {
  return disableShadowHostSuffixAppend ? host : shadowHost(host);
}

/** `host:80` as `host-shadow:80`. */
function shadowHost(host: string): string {
  const port = /:\d+$/.exec(host);
  return port === null ? `${host}-shadow` : `${host.slice(0, port.index)}-shadow${port[0]}`;
}

class MirroredRequest implements HttpWaiter {
  readonly responseHeaders = new HeaderMap();
  reason = '';
  private readonly copy: HttpStream;
  private readonly cluster: Cluster;
  private readonly body: readonly Buffer[];
  private host: Host | undefined = undefined;
  private over = false;

  constructor(copy: HttpStream, cluster: Cluster, body: readonly Buffer[]) {
    this.copy = copy;
    this.cluster = cluster;
    this.body = body;
  }

  begin(host: Host): void {
    this.host = host;
    const { copy } = this;
    const cluster = this.cluster.ownerOf(host);
    const protocol = cluster.protocolFor(copy.protocol);
    const pool = cluster.poolFor(host, 'DEFAULT', protocol, cluster.serverNameFor(copy));
    if (pool === undefined) this.finish();
    else pool.request(this);
  }

  onPoolReady(encoder: RequestEncoder): void {
    encoder.sendHeaders(this.copy, this.body.length === 0);
    for (const [i, chunk] of this.body.entries()) encoder.sendData(this.copy, chunk, i === this.body.length - 1);
  }

  onHeaders(status: number, _bytes: number, end: boolean): void {
    this.cluster.answers.count(status, true, this.host, false);
    if (end) this.finish();
  }

  onData(_chunk: Buffer, end: boolean): void {
    if (end) this.finish();
  }

  onTrailers(_trailers: Headers): void {
    this.finish();
  }

  onPoolFailure(): void {
    this.finish();
  }

  onReset(): void {
    this.finish();
  }

  onInterim(): void {}

  onRequestBlocked(): void {}

  onWireBytes(): void {}

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.copy.giveBack();
  }
}
