/**
 * Discovery over REST: a DiscoveryRequest in JSON is posted, and a DiscoveryResponse comes back; 304 where the client has that version.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#rest-json-polling-subscriptions
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fromJsonString, toJsonString } from '@bufbuild/protobuf';
import { apiRegistry, messageType } from '#api/registry.ts';
import { fetchOnce } from '#control/xds/discovery-service.ts';
import type { XdsListener } from '#control/xds/events.ts';
import { RESOURCE_TYPES, type ResourceType } from '#control/xds/resource-types.ts';
import type { SnapshotCache } from '#control/xds/snapshot-cache.ts';
import type { DiscoveryRequest } from '#envoy/service/discovery/v3/discovery_pb.js';

const LARGEST_REQUEST = 4 * 1024 * 1024;
const REQUEST = 'envoy.service.discovery.v3.DiscoveryRequest';
const RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';

/** Answers whatever has a path of REST discovery; the rest is 404. */
export function restHandler(
  cache: SnapshotCache,
  tell: XdsListener,
): (request: IncomingMessage, response: ServerResponse) => void {
  const types = new Map(RESOURCE_TYPES.map((type) => [type.restPath, type]));
  return (request, response) => {
    const type = types.get(request.url?.replace(/\?.*/, ''));
    if (type === undefined) return answer(response, 404, `no discovery at ${request.url}\n`);
    if (request.method !== 'POST') return answer(response, 405, 'discovery over REST is by POST\n', { allow: 'POST' });
    read(request).then(
      (text) => discover(type, text, cache, tell, response),
      () => answer(response, 413, 'the request is too large\n', { connection: 'close' }),
    );
  };
}

function discover(
  type: ResourceType,
  text: string,
  cache: SnapshotCache,
  tell: XdsListener,
  response: ServerResponse,
): void {
  let request: DiscoveryRequest;
  try {
    const options = { registry: apiRegistry(), ignoreUnknownFields: true };
    request = fromJsonString(messageType(REQUEST), text, options) as DiscoveryRequest;
  } catch (error) {
    return answer(response, 400, `no DiscoveryRequest: ${(error as Error).message}\n`);
  }
  const found = fetchOnce(cache, type, request);
  if (found === undefined) return answer(response, 503, 'there are no resources for this node yet\n');
  const node = request.node?.id ?? '';
  if (request.versionInfo === found.versionInfo) {
    tell({ kind: 'ack', node, type, version: found.versionInfo });
    return answer(response, 304, '');
  }
  tell({ kind: 'sent', node, type, version: found.versionInfo, count: found.resources.length });
  const json = toJsonString(messageType(RESPONSE), found, { registry: apiRegistry() });
  answer(response, 200, json, { 'content-type': 'application/json' });
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST_REQUEST) throw new Error('too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function answer(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end(body);
}
