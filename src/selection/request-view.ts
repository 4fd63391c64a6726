/**
 * What selection sees of a request: read only, whether it comes from a socket or from `explain`'s command line.
 */

import type { Hash64 } from '#base/xx-hash.ts';

/** Read access to header fields by lower-case name. The proxy's own header map satisfies it. */
export interface HeaderView {
  get(name: string): string | undefined;
  /** All values of the name joined by commas, as matching inputs see them. */
  joined(name: string): string | undefined;
  has(name: string): boolean;
  /** Whether any field of that name has a value that passes. */
  some(name: string, test: (value: string) => boolean): boolean;
}

export interface RequestView {
  method: string;
  /** The request target: path and query, as the route sees it (after normalisation). */
  path: string;
  /** The host (`:authority`), port included. */
  host: string;
  scheme: string;
  headers: HeaderView;
  connection: ConnectionView;
  /** Stable for one request: decides weighted clusters and fractions. 32 bits or more, unsigned. */
  random: number;
  /** Dynamic metadata by filter name; undefined where nothing was set. */
  dynamicMetadata?: Record<string, unknown>;
  filterState?: Map<string, unknown>;
  /** What the hash policies of its route come to; undefined where they find nothing. */
  hashKey?(): Hash64 | undefined;
}

/** What filter chains and TLS matchers see of a connection. */
export interface ConnectionView {
  destinationAddress: string;
  destinationPort: number;
  /** The destination is where the client wanted to go, found out by a listener filter, and not the socket's own address. */
  destinationRestored?: boolean;
  /** The peer after proxy protocol or x-forwarded-for, and the peer of the socket itself. */
  sourceAddress: string;
  sourcePort: number;
  directSourceAddress: string;
  serverName: string;
  transportProtocol: string;
  applicationProtocols: readonly string[];
  /** What listener filters said; undefined where they said nothing. */
  filterState?: Map<string, unknown>;
  /** Undefined: no TLS. */
  tls?: { presented: boolean; validated: boolean; peer?: PeerView };
}

/** What a certificate says of its owner. */
export interface PeerView {
  subject: string;
  uriSans: readonly string[];
  dnsSans: readonly string[];
  ipSans: readonly string[];
  emailSans: readonly string[];
}
