/**
 * Resources by REST: a DiscoveryRequest is posted again and again, as JSON.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/xds_api#rest-endpoints
 */
import { create } from '@bufbuild/protobuf';
import { loadMessage } from '#api/decode.ts';
import { toTree } from '#api/encode.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { sourceOf } from '#api/source.ts';
import { logger } from '#base/logger.ts';
import type { UnknownFields } from '#config/load-resource.ts';
import type { ApiConfigSource, ConfigSource } from '#config/model/config-source.ts';
import type { DiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';
import { AsyncRequest } from '#proxy/upstream/async-request.ts';
import { deliver } from '#proxy/xds/deliver.ts';
import { restPath } from '#proxy/xds/discovery-services.ts';
import { errorDetail } from '#proxy/xds/error-detail.ts';
import { FetchTimer } from '#proxy/xds/fetch-timer.ts';
import { typeUrlOf, updateOf } from '#proxy/xds/given-resources.ts';
import type { GrpcChannelParts } from '#proxy/xds/grpc-channel.ts';
import {
  changedNames,
  type DiscoveryUpdate,
  type Subscription,
  type SubscriptionOwner,
} from '#proxy/xds/subscription.ts';
import type { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';

const REQUEST = 'envoy.service.discovery.v3.DiscoveryRequest';
const RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';
const NOT_MODIFIED = 304;
/** A response larger than this is refused. */
const LONGEST = 256 * 1024 * 1024;

export interface RestSubscriptionParts extends GrpcChannelParts {
  source: ConfigSource;
  api: ApiConfigSource;
  typeName: string;
  owner: SubscriptionOwner;
  stats: SubscriptionStats;
  unknownFields: UnknownFields;
}

export class RestSubscription implements Subscription {
  private readonly parts: RestSubscriptionParts;
  private readonly log = logger('config');
  private readonly owner: FetchTimer;
  private names: ReadonlySet<string> = new Set();
  private version = '';
  private refused: string | undefined = undefined;
  private stopped = false;
  private cancel: () => void = () => {};

  constructor(parts: RestSubscriptionParts) {
    this.parts = parts;
    this.owner = new FetchTimer(parts.owner, parts.source, parts.stats, parts.schedule);
  }

  start(names: ReadonlySet<string> = new Set()): void {
    this.names = names;
    this.poll();
  }

  /** With the next poll. */
  change(added: readonly string[], gone: readonly string[]): void {
    this.names = changedNames(this.names, added, gone);
  }

  stop(): void {
    this.stopped = true;
    this.owner.settle();
    this.cancel();
  }

  private poll(): void {
    const { api, stats, cluster, schedule, typeName } = this.parts;
    stats.attempt.inc();
    const [name] = api.clusterNames;
    const target = cluster(name);
    if (target === undefined) return this.onFailure(`cluster '${name}' is not there`);
    const body: Buffer[] = [];
    let size = 0;
    let status = 0;
    const request = new AsyncRequest(
      target,
      {
        method: 'POST',
        path: restPath(typeName),
        host: name,
        protocol: 'HTTP/1.1',
        headers: [['content-type', 'application/json']],
      },
      {
        onHeaders: (code) => {
          status = code;
        },
        onData: (chunk) => {
          body.push(Buffer.from(chunk));
          size += chunk.length;
          if (size > LONGEST) fail(`a response is larger than ${LONGEST} bytes`);
        },
        onEnd: () => {
          cancelTimeout();
          void this.onResponse(status, Buffer.concat(body).toString());
        },
        onFailure: (details) => {
          cancelTimeout();
          this.onFailure(details);
        },
      },
    );
    const fail = (details: string) => {
      request.cancel();
      cancelTimeout();
      this.onFailure(details);
    };
    const cancelTimeout = schedule(api.requestTimeout, () => fail('the request timed out'));
    this.cancel = () => {
      cancelTimeout();
      request.cancel();
    };
    const bytes = Buffer.from(JSON.stringify(this.request()));
    request.begin(true);
    request.send(bytes, true);
  }

  private request(): object {
    const type = messageType(REQUEST);
    const message = create(type, {
      versionInfo: this.version,
      node: this.parts.node(),
      resourceNames: [...this.names],
      typeUrl: typeUrlOf(this.parts.typeName),
      ...(this.refused === undefined ? {} : { errorDetail: errorDetail(this.refused) }),
    });
    return toTree(type, message, { protoNames: true });
  }

  private async onResponse(status: number, text: string): Promise<void> {
    if (status === NOT_MODIFIED) {
      this.owner.settle();
      return this.again();
    }
    if (status !== 200) return this.onFailure(`HTTP status ${status}`);
    const { typeName, stats } = this.parts;
    let update: DiscoveryUpdate;
    try {
      update = updateOf(this.decode(text), typeName);
    } catch (error) {
      return this.onFailure((error as Error).message);
    }
    this.refused = await deliver(update, this.owner, stats);
    if (this.refused === undefined) this.version = update.version;
    else this.log.warning(`REST config for ${typeUrlOf(typeName)} rejected: ${this.refused}`);
    this.again();
  }

  private decode(text: string): DiscoveryResponse {
    const problems = new Problems();
    const source = sourceOf(text, `response of ${this.parts.api.clusterNames[0]}`, 'json');
    const options = { allowUnknown: this.parts.unknownFields !== 'reject' };
    const { message } = loadMessage<DiscoveryResponse>(messageType(RESPONSE), source, problems, options);
    problems.throwIfAny();
    return message;
  }

  private onFailure(details: string): void {
    this.parts.stats.failure.inc();
    this.log.warning(`REST config for ${typeUrlOf(this.parts.typeName)} failed: ${details}`);
    this.again();
  }

  private again(): void {
    if (this.stopped) return;
    this.cancel = this.parts.schedule(this.parts.api.refreshDelay, () => this.poll());
  }
}
