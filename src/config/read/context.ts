/**
 * What readers know besides the message before them: the extensions that run here, files, names that other parts of the configuration
 * define. One is made for each configuration that is read.
 */
import { readFileSync } from 'node:fs';
import type { Place } from '#api/place.ts';
import type { DnsOptions } from '#config/model/cluster.ts';
import type { ConfigSource } from '#config/model/config-source.ts';
import type { SecretValue } from '#config/model/tls.ts';
import { ExtensionReaders } from '#config/read/extensions.ts';
import type { Secret } from '#envoy/extensions/transport_sockets/tls/v3/secret_pb.js';

export interface ReadContext {
  readonly extensions: ExtensionReaders;
  /** A file's content. Throws as node:fs does; `readDataSource` turns that into a problem with its place. */
  readonly files: (path: string) => Buffer;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The bootstrap has the extension without which there are no internal listeners. */
  readonly internalListeners?: boolean;
  /** What is read here is to run here: log files must be such as can be opened. */
  readonly writesFiles?: boolean;
  /** Unknown fields are warned of, not refused (`--allow-unknown-static-fields`); for those who decode free-form values. */
  readonly lenient: boolean;
  /**
   * The static clusters: a route that names another is refused where `validate_clusters` holds (the default for route tables that stand in
   * the bootstrap), with Envoy's words `route: unknown cluster 'x'`. Undefined: nobody knows, nothing is checked.
   */
  readonly clusterNames?: ReadonlySet<string>;
  /** The clusters of the bootstrap that need nobody else to find their hosts: those that configuration may be fetched through. Undefined: not checked. */
  readonly primaryClusters?: ReadonlySet<string>;
  /** Where the resource comes from that is read; undefined: it is the bootstrap. */
  readonly self?: ConfigSource;
  /** The variant of the bootstrap's ads_config; undefined: there is none. */
  readonly ads?: 'GRPC' | 'DELTA_GRPC';
  /** The bootstrap's static secrets, by kind (the member of Secret's oneof, in camel case) and name: see {@link secretKey}. */
  readonly secrets: ReadonlyMap<string, StaticSecret>;
  /** Readers add the secrets whose files are to be watched, for the secret store. */
  readonly watchedSecrets: WatchedSecret[];
  /** The bootstrap's DNS resolver (readBootstrapResolver), for clusters that choose none; undefined: the system's. */
  readonly dnsResolver?: Resolver;
}

/** A secret that is read again when its files change. */
export interface WatchedSecret {
  /** Names it among the {@link SecretUses} of TLS contexts. */
  key: string;
  value: SecretValue;
  /** The folders whose changes count. */
  folders: string[];
  /** @throws PlacedError where it cannot be read, or does not fit together. */
  read(): SecretValue;
}

/** Whom to ask for addresses, and how. */
export type Resolver = Pick<
  DnsOptions,
  'resolvers' | 'resolversAreFallback' | 'rotate' | 'useTcp' | 'noDefaultSearchDomain' | 'queryTimeout' | 'queryTries'
>;

/** A secret of the bootstrap; read where it is used. */
export interface StaticSecret {
  readonly secret: Secret;
  readonly at: Place;
}

export function secretKey(kind: string, name: string): string {
  return `${kind} ${name}`;
}

/** A context with nothing in it but the file system and the environment, and what is given. */
export function readContext(given: Partial<ReadContext> = {}): ReadContext {
  return {
    extensions: new ExtensionReaders(),
    files: (path) => readFileSync(path),
    environment: process.env,
    lenient: false,
    secrets: new Map(),
    watchedSecrets: [],
    ...given,
  };
}
