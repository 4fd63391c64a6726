/**
 * Where configuration that is fetched comes from, as plain data. Times in milliseconds.
 * Follows config.core.v3.ConfigSource, ApiConfigSource and GrpcService.
 */

export interface ConfigSource {
  from:
    | {
        kind: 'path';
        path: string /** Whose moves are looked at instead of the file's own. */;
        watchedDirectory: string;
      }
    /** The bootstrap's ads_config. */
    | { kind: 'ads' }
    | ({ kind: 'api' } & ApiConfigSource);
  /** How long whoever asks is kept waiting for the first answer; 0: for ever. */
  initialFetchTimeout: number;
}

export interface ApiConfigSource {
  apiType: 'REST' | 'GRPC' | 'DELTA_GRPC' | 'AGGREGATED_GRPC' | 'AGGREGATED_DELTA_GRPC';
  /** Of REST. */
  clusterNames: string[];
  grpcServices: GrpcService[];
  /** Of REST: between two polls. */
  refreshDelay: number;
  /** Of REST. */
  requestTimeout: number;
  /** Requests on a stream; undefined: no limit. */
  rateLimit?: { maxTokens: number; fillRate: number };
  setNodeOnFirstMessageOnly: boolean;
}

export interface GrpcService {
  clusterName: string;
  /** `:authority`; empty: the cluster's name. */
  authority: string;
  /** 0: none. */
  timeout: number;
  initialMetadata: { key: string; value: string }[];
  /** Calls do not say by x-envoy-internal and x-forwarded-for who makes them. */
  skipEnvoyHeaders: boolean;
  /** 0: Envoy's default. */
  maxReceiveMessageLength: number;
  /** Of GrpcService.EnvoyGrpc: reconnects, for those who retry. */
  retry?: { baseInterval: number; maxInterval: number };
}

/** Tells sources apart. */
export function sourceKey(source: ConfigSource): string {
  return JSON.stringify(source);
}
