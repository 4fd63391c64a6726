/**
 * Load balancing by hash: ring hash and Maglev, in the older fields of clusters and as policies.
 * Follows envoy.config.cluster.v3.Cluster and envoy.extensions.load_balancing_policies.{ring_hash,maglev}.v3.
 */
import type { Message } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import type { MaglevConfig, RingHashConfig } from '#config/model/cluster.ts';
import { honours } from '#config/read/support.ts';
import type {
  Cluster_CommonLbConfig_ConsistentHashingLbConfig,
  Cluster_MaglevLbConfig,
  Cluster_RingHashLbConfig,
} from '#envoy/config/cluster/v3/cluster_pb.js';
import type { ConsistentHashingLbConfig } from '#envoy/extensions/load_balancing_policies/common/v3/common_pb.js';
import type { Maglev } from '#envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js';
import type { RingHash } from '#envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const POLICIES = 'envoy.extensions.load_balancing_policies';

const checkClusterRing = honours(`${CLUSTER}.RingHashLbConfig`, [
  'minimum_ring_size',
  'maximum_ring_size',
  'hash_function',
]);
const checkClusterMaglev = honours(`${CLUSTER}.MaglevLbConfig`, ['table_size']);
const COMMON = ['use_hostname_for_hashing', 'hash_balance_factor'];
const checkClusterCommon = honours(`${CLUSTER}.CommonLbConfig.ConsistentHashingLbConfig`, COMMON);
const checkPolicyCommon = honours(`${POLICIES}.common.v3.ConsistentHashingLbConfig`, COMMON, {
  refused: { hash_policy: 'hash policies stand at the routes' },
});
const checkRing = honours(`${POLICIES}.ring_hash.v3.RingHash`, [
  ...COMMON,
  'hash_function',
  'minimum_ring_size',
  'maximum_ring_size',
  'consistent_hashing_lb_config',
  'locality_weighted_lb_config',
]);
const checkMaglev = honours(`${POLICIES}.maglev.v3.Maglev`, [
  'table_size',
  'consistent_hashing_lb_config',
  'locality_weighted_lb_config',
]);

const DEFAULT_MINIMUM_RING_SIZE = 1024n;
const DEFAULT_MAXIMUM_RING_SIZE = 8_388_608n;
const DEFAULT_TABLE_SIZE = 65_537n;
/** Of Cluster.RingHashLbConfig.HashFunction and RingHash.HashFunction. */
const CLUSTER_MURMUR = 1;
const POLICY_MURMUR = 2;

type Common = Cluster_CommonLbConfig_ConsistentHashingLbConfig | ConsistentHashingLbConfig | undefined;

/** @param common of the cluster's common_lb_config */
export function readClusterRingHash(
  message: Cluster_RingHashLbConfig | undefined,
  at: Place,
  common: Common,
  commonAt: Place,
): RingHashConfig {
  if (message !== undefined) checkClusterRing(message, at);
  const murmur = message?.hashFunction === CLUSTER_MURMUR;
  return ringHash(message, murmur, readCommon(common, commonAt, checkClusterCommon), at);
}

export function readClusterMaglev(
  message: Cluster_MaglevLbConfig | undefined,
  at: Place,
  common: Common,
  commonAt: Place,
): MaglevConfig {
  if (message !== undefined) checkClusterMaglev(message, at);
  return maglev(message, readCommon(common, commonAt, checkClusterCommon), at);
}

export function readRingHashPolicy(message: RingHash, at: Place): RingHashConfig {
  checkRing(message, at);
  const { consistentHashingLbConfig: common, hashFunction } = message;
  // The policy's own fields are the older ones.
  const hashing =
    common === undefined
      ? hashingOf(message)
      : readCommon(common, at.field('consistent_hashing_lb_config'), checkPolicyCommon);
  return ringHash(message, hashFunction === POLICY_MURMUR, hashing, at);
}

export function readMaglevPolicy(message: Maglev, at: Place): MaglevConfig {
  checkMaglev(message, at);
  const common = message.consistentHashingLbConfig;
  return maglev(message, readCommon(common, at.field('consistent_hashing_lb_config'), checkPolicyCommon), at);
}

type Hashing = Pick<MaglevConfig, 'useHostname' | 'balanceFactor'>;

function readCommon(message: Common, at: Place, check: (message: Message, at: Place) => void): Hashing {
  if (message === undefined) return { useHostname: false };
  check(message, at);
  return hashingOf(message);
}

function hashingOf(message: { useHostnameForHashing: boolean; hashBalanceFactor?: number }): Hashing {
  const { useHostnameForHashing: useHostname, hashBalanceFactor: balanceFactor } = message;
  return { useHostname, ...(balanceFactor === undefined ? {} : { balanceFactor }) };
}

type Sizes = { minimumRingSize?: bigint; maximumRingSize?: bigint } | undefined;

function ringHash(message: Sizes, murmur: boolean, hashing: Hashing, at: Place): RingHashConfig {
  const minimum = message?.minimumRingSize ?? DEFAULT_MINIMUM_RING_SIZE;
  const maximum = message?.maximumRingSize ?? DEFAULT_MAXIMUM_RING_SIZE;
  if (minimum > maximum) {
    at.report(`ring hash: minimum_ring_size (${minimum}) > maximum_ring_size (${maximum})`);
  }
  return {
    minimumRingSize: Number(minimum),
    maximumRingSize: Number(maximum),
    hashFunction: murmur ? 'MURMUR_HASH_2' : 'XX_HASH',
    ...hashing,
  };
}

function maglev(message: { tableSize?: bigint } | undefined, hashing: Hashing, at: Place): MaglevConfig {
  const size = Number(message?.tableSize ?? DEFAULT_TABLE_SIZE);
  if (!isPrime(size)) at.report('The table size of maglev must be prime number');
  return { tableSize: size, ...hashing };
}

function isPrime(number: number): boolean {
  if (number < 2) return false;
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return true;
}
