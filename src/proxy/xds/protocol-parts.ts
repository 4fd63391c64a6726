/**
 * What the protocols of discovery need of the side that has the stream.
 */
import type { Schedule } from '#base/timers.ts';
import type { Node } from '#envoy/config/core/v3/base_pb.js';
import type { ControlPlaneStats } from '#proxy/xds/control-plane-stats.ts';
import type { StreamProtocol } from '#proxy/xds/control-plane-stream.ts';
import type { Watch } from '#proxy/xds/type-watches.ts';

export interface ProtocolParts {
  /** Who this proxy says it is. */
  node(): Node;
  /** Of every stream the first request says it, and no other. */
  nodeOnFirstMessageOnly: boolean;
  stats: ControlPlaneStats;
  schedule: Schedule;
  /** There is something to send. */
  wake(): void;
}

/** A protocol of discovery: state of the world, or delta. */
export interface DiscoveryProtocol extends StreamProtocol {
  watch(typeName: string, watch: Watch): void;
  /** Other names in addition, and some no more. */
  change(typeName: string, watch: Watch, added: Iterable<string>, gone: Iterable<string>): void;
  unwatch(typeName: string, watch: Watch): void;
}
