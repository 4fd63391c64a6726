/**
 * Clusters and members for tests: a whole configuration from the few words that a test is about.
 */
import type { ClusterConfig, Endpoint, Locality } from '#config/model/cluster.ts';
import type { HostSetUpdate, LocalityUpdate } from '#proxy/upstream/host-set-update.ts';
import { hostUpdateOf } from '#proxy/upstream/host-set-update.ts';

export const NO_LOCALITY: Locality = { region: '', zone: '', subZone: '' };

/** A cluster with Envoy's defaults, but for what the test says. */
export function clusterConfig(changes: Partial<ClusterConfig> = {}): ClusterConfig {
  const thresholds = {
    maxConnections: 1024,
    maxPendingRequests: 1024,
    maxRequests: 1024,
    maxRetries: 3,
    trackRemaining: false,
    maxConnectionPools: 0xffff_ffff,
  };
  return {
    name: 'one',
    statName: 'one',
    discovery: { kind: 'STATIC' },
    lbPolicy: 'ROUND_ROBIN',
    lbConfig: { choiceCount: 2, activeRequestBias: { defaultValue: 1, runtimeKey: '' } },
    commonLb: { healthyPanicThreshold: 50, localityWeighted: false },
    connectTimeout: 5000,
    perConnectionBufferLimitBytes: 1024 * 1024,
    circuitBreakers: { DEFAULT: thresholds, HIGH: thresholds },
    http: {
      protocol: 'http1',
      common: {} as ClusterConfig['http']['common'],
      http1: {} as ClusterConfig['http']['http1'],
      http2: {} as ClusterConfig['http']['http2'],
      autoSni: false,
      autoSanValidation: false,
      overrideAutoSniHeader: '',
    },
    transport: { kind: 'raw_buffer' },
    transportSocketMatches: [],
    preconnect: { perUpstreamRatio: 1, predictiveRatio: 1 },
    trackTimeoutBudgets: false,
    trackRequestResponseSizes: false,
    waitForWarmOnInit: true,
    metadata: {},
    ...changes,
  };
}

/** An endpoint at 127.0.0.1, or at the name or address given. */
export function endpoint(port: number, changes: Partial<Endpoint> = {}, address = '127.0.0.1'): Endpoint {
  return {
    address: { kind: 'ip', address, port, protocol: 'TCP', ipv4Compat: false },
    additionalAddresses: [],
    hostname: '',
    healthStatus: 'UNKNOWN',
    weight: 1,
    metadata: {},
    ...changes,
  };
}

/** One locality of an update; its name is the zone. */
export function locality(zone: string, endpoints: Endpoint[], weight?: number): LocalityUpdate {
  return { locality: { ...NO_LOCALITY, zone }, weight, hosts: endpoints.map(hostUpdateOf) };
}

/** Members by priority, each a list of localities. */
export function membersOf(...priorities: LocalityUpdate[][]): HostSetUpdate {
  return {
    cluster: 'one',
    dropOverloads: [],
    priorities: priorities.map((localities) => ({
      overprovisioningFactor: 140,
      weightedPriorityHealth: false,
      localities,
    })),
  };
}
