/**
 * Large assignments of endpoints, read a piece at a time, so that with one worker no request waits for the whole of it. (Measured: 1,000
 * endpoints take 4 ms at once.) Those that stand in it byte for byte as they stood in the one before are not read again.
 * Follows envoy.config.endpoint.v3.ClusterLoadAssignment.
 */
import { type WireField, wireFields } from '#api/wire-fields.ts';
import { loadResource, parseResource, ResourceError, type UnknownFields } from '#config/load-resource.ts';
import type { Endpoint, LoadAssignment } from '#config/model/cluster.ts';
import { readLoadAssignment } from '#config/read/endpoint.ts';
import type { ClusterLoadAssignment } from '#envoy/config/endpoint/v3/endpoint_pb.js';

const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
/** The number of `ClusterLoadAssignment.endpoints` and of `LocalityLbEndpoints.lb_endpoints`. */
const ENDPOINTS = 2;
const TAG = (ENDPOINTS << 3) | 2;
const PIECE = 50;

/** The endpoints of the last large assignment by their bytes. */
export type KnownEndpoints = Map<string, Endpoint>;

/**
 * @param pause lets others work between two pieces
 * @param known of the assignment before, changed to those of this one
 * @throws ResourceError with every error
 */
export async function loadAssignment(
  bytes: Uint8Array,
  unknownFields: UnknownFields,
  pause: () => Promise<void>,
  known: KnownEndpoints = new Map(),
): Promise<LoadAssignment> {
  const localities = (wireFields(bytes) ?? []).filter(isEndpoints).map(({ value }) => value as Uint8Array);
  const parts = localities.map((locality) => wireFields(locality) ?? []);
  const total = parts.reduce((sum, fields) => sum + fields.filter(isEndpoints).length, 0);
  if (total <= PIECE) return load(bytes, unknownFields);
  const others = without(bytes, wireFields(bytes) ?? []);
  try {
    const whole = load(others, unknownFields);
    const all: KnownEndpoints = new Map();
    for (const [i, fields] of parts.entries()) {
      const rest = without(localities[i], fields);
      const given = fields.filter(isEndpoints).map(({ start, end }) => localities[i].subarray(start, end));
      const names = given.map(textOf);
      const isNew = (_: unknown, at: number) => !known.has(names[at]);
      const [unread, unreadNames] = [given.filter(isNew), names.filter(isNew)];
      for (let at = 0; at === 0 || at < unread.length; at += PIECE) {
        const piece = Buffer.concat([rest, ...unread.slice(at, at + PIECE)]);
        const [read] = load(Buffer.concat([others, header(piece.length), piece]), unknownFields).endpoints;
        if (at === 0) whole.endpoints.push({ ...read, endpoints: [] });
        for (const [j, endpoint] of read.endpoints.entries()) all.set(unreadNames[at + j], endpoint);
        await pause();
      }
      const { endpoints } = whole.endpoints[i];
      for (const name of names) {
        const endpoint = (all.get(name) ?? known.get(name)) as Endpoint;
        all.set(name, endpoint);
        endpoints.push(endpoint);
      }
    }
    known.clear();
    for (const [name, endpoint] of all) known.set(name, endpoint);
    return whole;
  } catch (error) {
    if (!(error instanceof ResourceError)) throw error;
    // Places within a piece are not those in the whole: it is read again for them.
    return load(bytes, unknownFields);
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice();
}

function load(bytes: Uint8Array, unknownFields: UnknownFields): LoadAssignment {
  const message = parseResource<ClusterLoadAssignment>(ASSIGNMENT, bytes);
  return loadResource(message, (read, at) => readLoadAssignment(read, at, 'ip'), unknownFields).config;
}

function isEndpoints({ number, value }: WireField): boolean {
  return number === ENDPOINTS && value !== undefined;
}

function without(bytes: Uint8Array, fields: readonly WireField[]): Buffer {
  return Buffer.concat(
    fields.filter((field) => !isEndpoints(field)).map(({ start, end }) => bytes.subarray(start, end)),
  );
}

/** The tag and length before a message of so many bytes. */
function header(length: number): Buffer {
  const bytes = [TAG];
  let left = length;
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  bytes.push(left);
  return Buffer.from(bytes);
}
