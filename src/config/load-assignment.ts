/**
 * Large assignments of endpoints, read a piece at a time, so that with one worker no request waits for the whole of it. (Measured: 1,000
 * endpoints take 4 ms at once.) Those that stand in it byte for byte as they stood in the one before are not read again.
 * Follows envoy.config.endpoint.v3.ClusterLoadAssignment.
 */
import { type WireField, wireFields } from '#api/wire-fields.ts';
import { loadResource, parseResource, ResourceError, type UnknownFields } from '#config/load-resource.ts';
import type { Endpoint, LoadAssignment, LocalityEndpoints } from '#config/model/cluster.ts';
import { readLoadAssignment } from '#config/read/endpoint.ts';
import type { ClusterLoadAssignment } from '#envoy/config/endpoint/v3/endpoint_pb.js';

const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
/** The number of `ClusterLoadAssignment.endpoints` and of `LocalityLbEndpoints.lb_endpoints`. */
const ENDPOINTS = 2;
const TAG = (ENDPOINTS << 3) | 2;
const PIECE = 25;
/** So few are read at once. */
const FEW = 50;

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
  const fields = wireFields(bytes) ?? [];
  const localities = fields.filter(isEndpoints).flatMap(({ value }) => localityOf(value as Uint8Array) ?? []);
  // What cannot be told apart is refused as a whole.
  if (localities.length < fields.filter(isEndpoints).length) return load(bytes, unknownFields);
  const total = localities.reduce((sum, { given }) => sum + given.length, 0);
  if (total <= FEW) return load(bytes, unknownFields);
  await pause();
  const others = without(bytes, fields);
  try {
    const whole = load(others, unknownFields);
    const all: KnownEndpoints = new Map();
    for (const { bytes: locality, rest, given } of localities) {
      // As texts they are keys, and cost less than arrays of bytes.
      const texts = given.map(({ start, end }) => locality.latin1Slice(start, end));
      const unread = texts.filter((text) => !known.has(text));
      let of: LocalityEndpoints | undefined;
      for (let at = 0; at === 0 || at < unread.length; at += PIECE) {
        const some = unread.slice(at, at + PIECE);
        const piece = Buffer.concat([rest, Buffer.from(some.join(''), 'latin1')]);
        const [read] = load(Buffer.concat([others, header(piece.length), piece]), unknownFields).endpoints;
        of ??= { ...read, endpoints: [] };
        for (const [i, endpoint] of read.endpoints.entries()) all.set(some[i], endpoint);
        await pause();
      }
      for (const text of texts) {
        const endpoint = (all.get(text) ?? known.get(text)) as Endpoint;
        all.set(text, endpoint);
        of?.endpoints.push(endpoint);
      }
      if (of !== undefined) whole.endpoints.push(of);
    }
    known.clear();
    for (const [text, endpoint] of all) known.set(text, endpoint);
    return whole;
  } catch (error) {
    if (!(error instanceof ResourceError)) throw error;
    // Places within a piece are not those in the whole: it is read again for them.
    return load(bytes, unknownFields);
  }
}

/** A locality with its fields told apart: endpoints, and the bytes of all the others. @returns undefined where the bytes are no message */
function localityOf(value: Uint8Array): { bytes: Buffer; rest: Buffer; given: WireField[] } | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const fields = wireFields(bytes);
  return fields && { bytes, rest: without(bytes, fields), given: fields.filter(isEndpoints) };
}

function load(bytes: Uint8Array, unknownFields: UnknownFields): LoadAssignment {
  const message = parseResource<ClusterLoadAssignment>(ASSIGNMENT, bytes);
  return loadResource(message, (read, at) => readLoadAssignment(read, at, 'ip'), unknownFields).config;
}

function isEndpoints({ number, hasBytes }: WireField): boolean {
  return number === ENDPOINTS && hasBytes;
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
