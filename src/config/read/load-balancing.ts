/**
 * How a cluster chooses among its hosts: `lb_policy` with its options, or `load_balancing_policy`, which is over it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers
 */
import type { Message } from '@bufbuild/protobuf';
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { ClusterConfig, ZoneAware } from '#config/model/cluster.ts';
import type { RuntimeDouble } from '#config/model/matchers.ts';
import {
  readClusterMaglev,
  readClusterRingHash,
  readMaglevPolicy,
  readRingHashPolicy,
} from '#config/read/consistent-hashing.ts';
import type { ReadContext } from '#config/read/context.ts';
import { milliseconds } from '#config/read/duration.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readRuntimeDouble } from '#config/read/runtime-double.ts';
import { honours } from '#config/read/support.ts';
import type {
  Cluster,
  Cluster_CommonLbConfig,
  Cluster_CommonLbConfig_ZoneAwareLbConfig,
  Cluster_SlowStartConfig,
  LoadBalancingPolicy,
} from '#envoy/config/cluster/v3/cluster_pb.js';
import type {
  LocalityLbConfig,
  LocalityLbConfig_ZoneAwareLbConfig,
  SlowStartConfig,
} from '#envoy/extensions/load_balancing_policies/common/v3/common_pb.js';
import type { LeastRequest } from '#envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js';
import type { Maglev } from '#envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js';
import type { Random } from '#envoy/extensions/load_balancing_policies/random/v3/random_pb.js';
import type { RingHash } from '#envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js';
import type { RoundRobin } from '#envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js';

const CLUSTER = 'envoy.config.cluster.v3';
const POLICIES = 'envoy.extensions.load_balancing_policies';

const checkCommon = honours(
  `${CLUSTER}.Cluster.CommonLbConfig`,
  [
    'healthy_panic_threshold',
    'zone_aware_lb_config',
    'locality_weighted_lb_config',
    'consistent_hashing_lb_config',
    'close_connections_on_host_set_change',
  ],
  {
    withoutEffect: {
      update_merge_window:
        'as in Envoy, where results of health checks alone are merged, and a cluster that asks for those is refused',
      ignore_new_hosts_until_first_hc: 'health checks come later; a cluster that asks for them is refused',
    },
  },
);
const checkClusterZoneAware = honours(`${CLUSTER}.Cluster.CommonLbConfig.ZoneAwareLbConfig`, [
  'routing_enabled',
  'min_cluster_size',
  'fail_traffic_on_panic',
]);
const POLICY_ZONE_AWARE = `${POLICIES}.common.v3.LocalityLbConfig.ZoneAwareLbConfig`;
const checkPolicyZoneAware = honours(POLICY_ZONE_AWARE, [
  'routing_enabled',
  'min_cluster_size',
  'fail_traffic_on_panic',
  'force_locality_direct_routing',
  'force_local_zone',
  'locality_basis',
]);
const checkForceLocal = honours(`${POLICY_ZONE_AWARE}.ForceLocalZone`, ['min_size']);
const HEALTHY_HOSTS_WEIGHT = 1;
const checkLocality = honours(`${POLICIES}.common.v3.LocalityLbConfig`, [
  'zone_aware_lb_config',
  'locality_weighted_lb_config',
]);
const SLOW_START = ['slow_start_window', 'aggression', 'min_weight_percent'];
const checkClusterSlowStart = honours(`${CLUSTER}.Cluster.SlowStartConfig`, SLOW_START);
const checkPolicySlowStart = honours(`${POLICIES}.common.v3.SlowStartConfig`, SLOW_START);
const checkClusterLeastRequest = honours(`${CLUSTER}.Cluster.LeastRequestLbConfig`, [
  'choice_count',
  'active_request_bias',
  'slow_start_config',
]);
const checkClusterRoundRobin = honours(`${CLUSTER}.Cluster.RoundRobinLbConfig`, ['slow_start_config']);
const checkRoundRobin = honours(`${POLICIES}.round_robin.v3.RoundRobin`, ['slow_start_config', 'locality_lb_config']);
const checkLeastRequest = honours(`${POLICIES}.least_request.v3.LeastRequest`, [
  'choice_count',
  'active_request_bias',
  'slow_start_config',
  'locality_lb_config',
  'enable_full_scan',
  'selection_method',
]);
const checkRandom = honours(`${POLICIES}.random.v3.Random`, ['locality_lb_config']);
const checkPolicyList = honours(`${CLUSTER}.LoadBalancingPolicy`, ['policies']);
const checkPolicy = honours(`${CLUSTER}.LoadBalancingPolicy.Policy`, ['typed_extension_config']);

/** By number of Cluster.LbPolicy. */
const LB_POLICIES: readonly (string | undefined)[] = [
  'ROUND_ROBIN',
  'LEAST_REQUEST',
  'RING_HASH',
  'RANDOM',
  undefined,
  'MAGLEV',
  'CLUSTER_PROVIDED',
  'LOAD_BALANCING_POLICY_CONFIG',
];

/** The part of a cluster that says how hosts are chosen. */
export type LoadBalancing = Pick<ClusterConfig, 'lbPolicy' | 'lbConfig' | 'commonLb'>;

const ONE: RuntimeDouble = { defaultValue: 1, runtimeKey: '' };
const DEFAULT_LB_CONFIG: LoadBalancing['lbConfig'] = { choiceCount: 2, activeRequestBias: ONE };
const FULL_SCAN = 1;
const PROVIDED = 'envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided';
honours(PROVIDED, []);

/** Types of clusters that choose hosts themselves. */
const PROVIDING: ReadonlySet<ClusterConfig['discovery']['kind']> = new Set([
  'ORIGINAL_DST',
  'DYNAMIC_FORWARD_PROXY',
  'AGGREGATE',
]);

/** @throws PlacedError for a policy that we do not run, or that does not go with the cluster's type. */
export function readLoadBalancing(
  cluster: Cluster,
  at: Place,
  context: ReadContext,
  { kind }: ClusterConfig['discovery'],
): LoadBalancing {
  const common = readCommon(cluster.commonLbConfig, at.field('common_lb_config'));
  const mayProvide = kind === 'REDIS' && LB_POLICIES[cluster.lbPolicy] === 'CLUSTER_PROVIDED';
  if (PROVIDING.has(kind) || mayProvide) return readProvided(cluster, kind, common, at, context);
  if (cluster.loadBalancingPolicy !== undefined) {
    return readPolicyList(cluster, cluster.loadBalancingPolicy, common, at, context);
  }
  const policy = LB_POLICIES[cluster.lbPolicy] ?? 'ROUND_ROBIN';
  const place = at.field('lb_policy');
  switch (policy) {
    case 'ROUND_ROBIN':
    case 'LEAST_REQUEST':
    case 'RANDOM':
      return { lbPolicy: policy, lbConfig: readLbConfig(cluster, policy, at), commonLb: common };
    case 'RING_HASH':
    case 'MAGLEV':
      return { lbPolicy: policy, lbConfig: readHashConfig(cluster, policy, at), commonLb: common };
    case 'LOAD_BALANCING_POLICY_CONFIG':
      throw at.field('load_balancing_policy').problem('cluster: field load_balancing_policy need to be set');
    case 'CLUSTER_PROVIDED': {
      const words = `cluster provided LB specified but cluster '${cluster.name}' did not provide one.`;
      throw place.problem(`cluster manager: ${words} Check cluster documentation.`);
    }
    default:
      throw place.problem(`load balancing policy ${policy} is not supported by Fairlead yet`);
  }
}

/** The cluster's type says how hosts are chosen, and the policy must say so too. */
function readProvided(
  { name, lbPolicy, loadBalancingPolicy: list }: Cluster,
  kind: ClusterConfig['discovery']['kind'],
  commonLb: LoadBalancing['commonLb'],
  at: Place,
  context: ReadContext,
): LoadBalancing {
  const policy = LB_POLICIES[lbPolicy] ?? 'ROUND_ROBIN';
  const typed = list?.policies.map(({ typedExtensionConfig: one }, i) => {
    const place = at.field('load_balancing_policy').field('policies').index(i).field('typed_extension_config');
    return extensionMessage(one?.typedConfig, one?.name ?? '', place.field('typed_config'), context).typeName;
  });
  const isProvided = typed === undefined ? policy === 'CLUSTER_PROVIDED' : typed.includes(PROVIDED);
  if (!isProvided) {
    const words =
      kind === 'ORIGINAL_DST'
        ? `cluster: LB policy ${policy} is not valid for Cluster type ${kind}. Only 'CLUSTER_PROVIDED' is allowed with cluster type '${kind}'`
        : `cluster manager: cluster provided LB not specified but cluster '${name}' provided one. Check cluster documentation.`;
    throw at.field('lb_policy').problem(words);
  }
  return { lbPolicy: 'CLUSTER_PROVIDED', lbConfig: DEFAULT_LB_CONFIG, commonLb };
}

function readCommon(message: Cluster_CommonLbConfig | undefined, at: Place): LoadBalancing['commonLb'] {
  if (message === undefined) return { healthyPanicThreshold: 50, localityWeighted: false };
  checkCommon(message, at);
  const { localityConfigSpecifier: locality } = message;
  return {
    healthyPanicThreshold: message.healthyPanicThreshold?.value ?? 50,
    localityWeighted: locality.case === 'localityWeightedLbConfig',
    ...(message.closeConnectionsOnHostSetChange ? { closesOnChange: true } : {}),
    ...(locality.case === 'zoneAwareLbConfig'
      ? { zoneAware: readZoneAware(locality.value, at.field('zone_aware_lb_config'), checkClusterZoneAware) }
      : {}),
  };
}

function readZoneAware(
  message: Cluster_CommonLbConfig_ZoneAwareLbConfig | LocalityLbConfig_ZoneAwareLbConfig,
  at: Place,
  check: (message: Message, at: Place) => void,
): ZoneAware {
  check(message, at);
  return {
    routingEnabled: message.routingEnabled?.value ?? 100,
    minClusterSize: Number(message.minClusterSize ?? 6n),
    failTrafficOnPanic: message.failTrafficOnPanic,
    ...('localityBasis' in message ? readZonePreference(message, at) : {}),
  };
}

/** What the newer form has besides. */
function readZonePreference(message: LocalityLbConfig_ZoneAwareLbConfig, at: Place): Partial<ZoneAware> {
  const { forceLocalZone: force, forceLocalityDirectRouting: direct, localityBasis } = message;
  if (force !== undefined) checkForceLocal(force, at.field('force_local_zone'));
  return {
    ...(force !== undefined || direct ? { forceLocalFrom: force?.minSize ?? 1 } : {}),
    ...(localityBasis === HEALTHY_HOSTS_WEIGHT ? { byWeight: true } : {}),
  };
}

/** Options of another policy than the one in force are left alone, as in Envoy. */
function readLbConfig(cluster: Cluster, policy: string, at: Place): LoadBalancing['lbConfig'] {
  const { lbConfig } = cluster;
  if (policy === 'LEAST_REQUEST' && lbConfig.case === 'leastRequestLbConfig') {
    const place = at.field('least_request_lb_config');
    checkClusterLeastRequest(lbConfig.value, place);
    return readLeastRequest(lbConfig.value, place, checkClusterSlowStart);
  }
  if (policy === 'ROUND_ROBIN' && lbConfig.case === 'roundRobinLbConfig') {
    const place = at.field('round_robin_lb_config');
    checkClusterRoundRobin(lbConfig.value, place);
    return { ...DEFAULT_LB_CONFIG, ...readSlowStart(lbConfig.value.slowStartConfig, place, checkClusterSlowStart) };
  }
  return DEFAULT_LB_CONFIG;
}

/** By number of Cluster.DiscoveryType. */
const TYPE_NAMES = ['static', 'strict_dns', 'logical_dns', 'eds', 'original_dst'].map(
  (name) => `envoy.cluster.${name}`,
);
const STRICT_DNS = 1;

function readHashConfig(
  { lbConfig, commonLbConfig: common, clusterDiscoveryType: type }: Cluster,
  policy: 'RING_HASH' | 'MAGLEV',
  at: Place,
): LoadBalancing['lbConfig'] {
  const hashing = common?.consistentHashingLbConfig;
  const hashingAt = at.field('common_lb_config').field('consistent_hashing_lb_config');
  if (hashing?.useHostnameForHashing && type.value !== STRICT_DNS) {
    const kind = type.case === 'clusterType' ? type.value.name : (TYPE_NAMES[type.value ?? 0] ?? '');
    const words = 'Cannot use hostname for consistent hashing loadbalancing for cluster of type';
    hashingAt.field('use_hostname_for_hashing').report(`${words}: '${kind}'`);
  }
  if (policy === 'RING_HASH') {
    const ring = lbConfig.case === 'ringHashLbConfig' ? lbConfig.value : undefined;
    const ringHash = readClusterRingHash(ring, at.field('ring_hash_lb_config'), hashing, hashingAt);
    return { ...DEFAULT_LB_CONFIG, ringHash };
  }
  const table = lbConfig.case === 'maglevLbConfig' ? lbConfig.value : undefined;
  const maglev = readClusterMaglev(table, at.field('maglev_lb_config'), hashing, hashingAt);
  return { ...DEFAULT_LB_CONFIG, maglev };
}

type LeastRequestFields = Pick<LeastRequest, 'choiceCount' | 'activeRequestBias'> & {
  slowStartConfig?: SlowStartConfig | Cluster_SlowStartConfig;
};

function readLeastRequest(
  message: LeastRequestFields,
  at: Place,
  checkSlowStart: (message: Message, at: Place) => void,
): LoadBalancing['lbConfig'] {
  const bias = message.activeRequestBias;
  return {
    choiceCount: message.choiceCount ?? DEFAULT_LB_CONFIG.choiceCount,
    activeRequestBias: readRuntimeDouble(bias, at.field('active_request_bias'), ONE),
    ...readSlowStart(message.slowStartConfig, at, checkSlowStart),
  };
}

/** @param at of the message that has the slow_start_config. */
function readSlowStart(
  message: SlowStartConfig | Cluster_SlowStartConfig | undefined,
  at: Place,
  check: (message: Message, at: Place) => void,
): Pick<LoadBalancing['lbConfig'], 'slowStart'> {
  if (message === undefined) return {};
  check(message, at.field('slow_start_config'));
  const { aggression } = message;
  // Without a window nothing starts slowly.
  const window = message.slowStartWindow === undefined ? 0 : milliseconds(message.slowStartWindow);
  if (window === 0) return {};
  return {
    slowStart: {
      window,
      aggression: readRuntimeDouble(aggression, at.field('slow_start_config').field('aggression'), ONE),
      minWeightPercent: message.minWeightPercent?.value ?? 10,
    },
  };
}

/** The first policy of the list that Envoy has is the one. */
function readPolicyList(
  cluster: Cluster,
  message: LoadBalancingPolicy,
  common: LoadBalancing['commonLb'],
  at: Place,
  context: ReadContext,
): LoadBalancing {
  if (cluster.commonLbConfig?.localityConfigSpecifier.case !== undefined) {
    const fields = 'zone_aware_lb_config, locality_weighted_lb_config, consistent_hashing_lb_config';
    const words = `cluster: load_balancing_policy cannot be combined with partial fields (${fields}) of common_lb_config`;
    at.field('common_lb_config').report(words);
  }
  const place = at.field('load_balancing_policy');
  checkPolicyList(message, place);
  for (let i = 0; i < message.policies.length; i++) {
    const entry = message.policies[i];
    const entryPlace = place.field('policies').index(i);
    checkPolicy(entry, entryPlace);
    const config = entry.typedExtensionConfig;
    const configPlace = entryPlace.field('typed_extension_config').field('typed_config');
    if (config?.typedConfig === undefined || !isKnown(config.typedConfig.typeUrl, configPlace, config)) continue;
    return readPolicy(config.typedConfig, config.name, common, configPlace, context);
  }
  const names = message.policies.map((policy) => policy.typedExtensionConfig?.name ?? '').join(', ');
  const words = "cluster: didn't find a registered load balancer factory implementation for cluster";
  throw place.problem(`${words}: '${cluster.name}' with names from [${names}]`);
}

type TypedConfig = NonNullable<
  NonNullable<LoadBalancingPolicy['policies'][number]['typedExtensionConfig']>['typedConfig']
>;

/** A policy of a type that Envoy does not have is passed over for the next one. */
function isKnown(typeUrl: string, at: Place, config: { typedConfig?: TypedConfig }): boolean {
  let name = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  if (name.endsWith('.TypedStruct')) {
    const struct = unpack(config.typedConfig as TypedConfig, at).message as Message & { typeUrl: string };
    name = struct.typeUrl.slice(struct.typeUrl.lastIndexOf('/') + 1);
  }
  return name.startsWith(`${POLICIES}.`);
}

function readPolicy(
  typedConfig: TypedConfig,
  name: string,
  common: LoadBalancing['commonLb'],
  at: Place,
  context: ReadContext,
): LoadBalancing {
  const { typeName, message } = extensionMessage(typedConfig, name, at, context);
  const withLocality = (config: LocalityLbConfig | undefined) => readLocality(config, common, at);
  switch (typeName) {
    case `${POLICIES}.round_robin.v3.RoundRobin`: {
      const policy = message as RoundRobin;
      checkRoundRobin(policy, at);
      const lbConfig = { ...DEFAULT_LB_CONFIG, ...readSlowStart(policy.slowStartConfig, at, checkPolicySlowStart) };
      return { lbPolicy: 'ROUND_ROBIN', lbConfig, commonLb: withLocality(policy.localityLbConfig) };
    }
    case `${POLICIES}.least_request.v3.LeastRequest`: {
      const policy = message as LeastRequest;
      checkLeastRequest(policy, at);
      const lbConfig = readLeastRequest(policy, at, checkPolicySlowStart);
      const full = policy.selectionMethod === FULL_SCAN || policy.enableFullScan === true;
      return {
        lbPolicy: 'LEAST_REQUEST',
        lbConfig: full ? { ...lbConfig, selectionMethod: 'FULL_SCAN' } : lbConfig,
        commonLb: withLocality(policy.localityLbConfig),
      };
    }
    case `${POLICIES}.random.v3.Random`: {
      const policy = message as Random;
      checkRandom(policy, at);
      return { lbPolicy: 'RANDOM', lbConfig: DEFAULT_LB_CONFIG, commonLb: withLocality(policy.localityLbConfig) };
    }
    case `${POLICIES}.ring_hash.v3.RingHash`: {
      const policy = message as RingHash;
      const commonLb = { ...common, localityWeighted: policy.localityWeightedLbConfig !== undefined };
      return {
        lbPolicy: 'RING_HASH',
        lbConfig: { ...DEFAULT_LB_CONFIG, ringHash: readRingHashPolicy(policy, at) },
        commonLb,
      };
    }
    case `${POLICIES}.maglev.v3.Maglev`: {
      const policy = message as Maglev;
      const commonLb = { ...common, localityWeighted: policy.localityWeightedLbConfig !== undefined };
      return {
        lbPolicy: 'MAGLEV',
        lbConfig: { ...DEFAULT_LB_CONFIG, maglev: readMaglevPolicy(policy, at) },
        commonLb,
      };
    }
    default:
      throw unsupportedExtension(name, typeName, 'load balancing policy', at);
  }
}

/** The panic threshold stays the cluster's. */
function readLocality(
  message: LocalityLbConfig | undefined,
  common: LoadBalancing['commonLb'],
  at: Place,
): LoadBalancing['commonLb'] {
  const { healthyPanicThreshold } = common;
  if (message === undefined) return { healthyPanicThreshold, localityWeighted: false };
  const place = at.field('locality_lb_config');
  checkLocality(message, place);
  const { localityConfigSpecifier: locality } = message;
  return {
    healthyPanicThreshold,
    localityWeighted: locality.case === 'localityWeightedLbConfig',
    ...(locality.case === 'zoneAwareLbConfig'
      ? { zoneAware: readZoneAware(locality.value, place.field('zone_aware_lb_config'), checkPolicyZoneAware) }
      : {}),
  };
}
