/**
 * Route tables that discovery brings again and again: the bytes of each virtual host are compared with those of the version before, and
 * only the ones that are others are decoded and read. One route changed among many virtual hosts costs what that one costs.
 * Follows envoy.config.route.v3.RouteConfiguration.
 */
import { type Place, rootPlace } from '#api/place.ts';
import { type Problem, Problems } from '#api/problems.ts';
import { type WireField, wireFields } from '#api/wire-fields.ts';
import { loadResource, parseResource, ResourceError, type UnknownFields } from '#config/load-resource.ts';
import type { RouteTable, VirtualHost } from '#config/model/route.ts';
import type { ReadContext } from '#config/read/context.ts';
import type { RouteContext } from '#config/read/route-context.ts';
import { checkDomainsOf, readTableAlone, routeContext } from '#config/read/route-table.ts';
import { readVirtualHost } from '#config/read/virtual-host.ts';
import type { VirtualHost as VirtualHostMessage } from '#envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '#envoy/config/route/v3/route_pb.js';

const TABLE = 'envoy.config.route.v3.RouteConfiguration';
const HOST = 'envoy.config.route.v3.VirtualHost';
/** The number of the field `virtual_hosts`. */
const VIRTUAL_HOSTS = 2;

interface KnownHost {
  bytes: Uint8Array;
  config: VirtualHost;
}

interface KnownTable {
  /** The table without its virtual hosts, encoded and read. */
  rest: Buffer;
  message: RouteConfiguration;
  alone: Omit<RouteTable, 'virtualHosts'>;
  hosts: KnownHost[];
}

export interface LoadedTable {
  table: RouteTable;
  /** Where the table is the same but for its virtual hosts: new ones, and where others stood before. */
  hosts?: (number | VirtualHost)[];
}

export class RouteTableLoader {
  private known: KnownTable | undefined = undefined;

  /**
   * @param fetched the virtual hosts that VHDS brought, beside which those of the table are to stand
   * @throws ResourceError with every error; the version before stays the one to compare with
   */
  load(
    bytes: Uint8Array,
    context: ReadContext,
    unknownFields: UnknownFields,
    fetched: readonly VirtualHost[] = [],
  ): LoadedTable {
    const fields = wireFields(bytes) ?? [];
    const { known, ...table } = this.table(bytes, fields, context, unknownFields);
    const { message } = table;
    const inside = routeContext(message, context, false);
    const slices = fields.filter(isHost).map(({ value }) => value as Uint8Array);
    const places = known === undefined ? [] : findAgain(known.hosts, slices);
    const errors: string[] = [];
    const configs = slices.map((slice, i) => {
      const place = places[i];
      if (place !== undefined && known !== undefined) return known.hosts[place].config;
      try {
        return readHost(slice, i, inside, unknownFields);
      } catch (error) {
        if (!(error instanceof ResourceError)) throw error;
        errors.push(error.message);
        return undefined;
      }
    });
    if (errors.length > 0) throw new ResourceError(errors.map(plainProblem));
    const virtualHosts = configs as VirtualHost[];
    checkTogether(message.name, table.alone.vhds === undefined ? virtualHosts : [...virtualHosts, ...fetched]);
    // The bytes of hosts that stay are those of this version: those of the version before can go.
    this.known = { ...table, hosts: slices.map((slice, i) => ({ bytes: slice, config: virtualHosts[i] })) };
    const hosts = virtualHosts.map((config, i) => places[i] ?? config);
    return { table: { ...table.alone, virtualHosts }, ...(known === undefined ? {} : { hosts }) };
  }

  /** A virtual host of this table that comes by itself. @throws ResourceError */
  loadHost(bytes: Uint8Array, context: ReadContext, unknownFields: UnknownFields): VirtualHost {
    if (this.known === undefined) throw new Error('the table is not there yet');
    return loadVirtualHost(bytes, routeContext(this.known.message, context, false), unknownFields);
  }

  /** @throws ResourceError where a domain would belong to two virtual hosts */
  checkBeside(fetched: readonly VirtualHost[]): void {
    const { known } = this;
    if (known !== undefined)
      checkTogether(known.message.name, [...known.hosts.map(({ config }) => config), ...fetched]);
  }

  /** The table without its virtual hosts; with the version before, where it is the same in this. */
  private table(bytes: Uint8Array, fields: readonly WireField[], context: ReadContext, unknownFields: UnknownFields) {
    const rest = Buffer.concat(
      fields.filter((one) => !isHost(one)).map(({ start, end }) => bytes.subarray(start, end)),
    );
    const { known } = this;
    if (known !== undefined && Buffer.compare(known.rest, rest) === 0) return { ...known, known };
    const message = parseResource<RouteConfiguration>(TABLE, fields.length === 0 ? bytes : rest);
    const inside = routeContext(message, context, false);
    const { config: alone } = loadResource(message, (read, at) => readTableAlone(read, at, inside), unknownFields);
    return { rest, message, alone, known: undefined };
  }
}

function isHost({ number, hasBytes }: WireField): boolean {
  return number === VIRTUAL_HOSTS && hasBytes;
}

function readHost(bytes: Uint8Array, i: number, inside: RouteContext, unknownFields: UnknownFields): VirtualHost {
  const message = parseResource<VirtualHostMessage>(HOST, bytes);
  const where = (root: Place) => root.field('virtual_hosts').index(i);
  return loadResource(message, (read, at) => readVirtualHost(read, at, inside), unknownFields, where).config;
}

function plainProblem(message: string): Problem {
  return { severity: 'error', file: '', path: '', message };
}

/** A virtual host that comes by itself. @throws ResourceError */
export function loadVirtualHost(bytes: Uint8Array, inside: RouteContext, unknownFields: UnknownFields): VirtualHost {
  const message = parseResource<VirtualHostMessage>(HOST, bytes);
  return loadResource(message, (read, at) => readVirtualHost(read, at, inside), unknownFields).config;
}

/** @throws ResourceError where a domain would belong to two virtual hosts of the table */
export function checkTogether(table: string, hosts: readonly VirtualHost[]): void {
  const found = new Problems();
  const at = rootPlace(undefined, found).field('virtual_hosts');
  const taken = new Set<string>();
  for (const [i, host] of hosts.entries()) checkDomainsOf(host, table, taken, at.index(i));
  if (found.errors.length > 0) throw new ResourceError(found.errors);
}

/** @returns for each of the new hosts, where the same one stood before; most stand where they stood */
function findAgain(known: readonly KnownHost[], given: readonly Uint8Array[]): (number | undefined)[] {
  const places: (number | undefined)[] = new Array(given.length);
  const moved: number[] = [];
  const free = new Set<number>();
  for (let i = 0; i < Math.max(known.length, given.length); i++) {
    const same = i < known.length && i < given.length && Buffer.compare(known[i].bytes, given[i]) === 0;
    if (same) places[i] = i;
    else {
      if (i < given.length) moved.push(i);
      if (i < known.length) free.add(i);
    }
  }
  if (moved.length === 0 || free.size === 0) return places;
  const byText = new Map<string, number>();
  for (const place of free) byText.set(textOf(known[place].bytes), place);
  for (const i of moved) {
    const text = textOf(given[i]);
    places[i] = byText.get(text);
    byText.delete(text);
  }
  return places;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice();
}
