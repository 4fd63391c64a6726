/**
 * The host is where the request's connection was going, or where a filter, its metadata or a header say. It becomes a member as it is first
 * asked for.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/original_dst
 */
import type { Address } from '#config/model/address.ts';
import { addressText } from '#config/model/address.ts';
import type { OriginalDstOptions } from '#config/model/cluster.ts';
import type { Counter } from '#proxy/observe/stats/metrics.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { type HostSetUpdate, type HostUpdate, oneLocality } from '#proxy/upstream/host-set-update.ts';
import type { ChoiceView, LoadBalancer, LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';
import { parseIpPort } from '#selection/ip-port.ts';

type IpAddress = Address & { kind: 'ip' };

/** Filter state that goes before everything else, as Envoy's filters set it: `address:port`. */
const FILTER_STATE = 'envoy.network.transport_socket.original_dst_address';

export interface OriginalDstParts {
  cluster: string;
  options: OriginalDstOptions;
  hosts: PrioritySet;
  /** original_dst_host_invalid. */
  invalid: Counter;
  /** Tells the main thread of a member that is new here. */
  tell(host: HostUpdate): void;
}

export class OriginalDstBalancer implements LoadBalancer {
  readonly asksRequest = true;
  private readonly parts: OriginalDstParts;
  private members: HostUpdate[] = [];
  /** Members of this thread that the main thread has not told of yet. */
  private readonly unconfirmed = new Map<string, HostUpdate>();

  constructor(parts: OriginalDstParts) {
    this.parts = parts;
  }

  choose(context?: LoadBalancerContext): Host | undefined {
    const request = context?.request;
    const wanted = request === undefined ? undefined : this.destination(request);
    if (wanted === undefined) return undefined;
    const { port } = this.parts.options;
    const address = port === undefined ? wanted : { ...wanted, port };
    return this.parts.hosts.find(addressText(address)) ?? this.add(address);
  }

  peekAnother(): undefined {
    return undefined;
  }

  withOwn(update: HostSetUpdate): HostSetUpdate {
    this.members = update.priorities.flatMap(({ localities }) => localities.flatMap(({ hosts }) => hosts));
    for (const { address } of this.members) this.unconfirmed.delete(addressText(address));
    return this.unconfirmed.size === 0 ? update : this.all();
  }

  close(): void {}

  private add(address: IpAddress): Host | undefined {
    const { cluster, hosts, tell } = this.parts;
    const key = addressText(address);
    const host: HostUpdate = {
      address,
      additionalAddresses: [],
      hostname: `${cluster}${key}`,
      weight: 1,
      metadata: {},
      healthFlags: 0,
    };
    this.unconfirmed.set(key, host);
    hosts.update(this.all());
    tell(host);
    return hosts.find(key);
  }

  private all(): HostSetUpdate {
    return oneLocality(this.parts.cluster, [...this.members, ...this.unconfirmed.values()]);
  }

  private destination(request: ChoiceView): IpAddress | undefined {
    const { metadata, header } = this.parts.options;
    const state = request.filterState?.get(FILTER_STATE);
    if (typeof state === 'string') return this.parse(state);
    const named =
      (metadata === undefined ? undefined : this.parse(metadataText(request, metadata))) ??
      (header === undefined ? undefined : this.parse(request.headers?.get(header)));
    if (named !== undefined) return named;
    const { destinationRestored, destinationAddress: address, destinationPort: port } = request.connection;
    if (!destinationRestored) return undefined;
    return { kind: 'ip', address, port, protocol: 'TCP', ipv4Compat: false };
  }

  /** @param text undefined: nobody said anything. */
  private parse(text: string | undefined): IpAddress | undefined {
    if (text === undefined || text === '') return undefined;
    const parsed = parseIpPort(text);
    if (parsed === undefined) {
      this.parts.invalid.inc();
      return undefined;
    }
    return { kind: 'ip', ...parsed, protocol: 'TCP', ipv4Compat: false };
  }
}

function metadataText(
  { dynamicMetadata }: ChoiceView,
  { filter, path }: NonNullable<OriginalDstOptions['metadata']>,
): string | undefined {
  let value: unknown = dynamicMetadata?.[filter];
  for (const step of path) value = (value as Record<string, unknown> | undefined)?.[step];
  return typeof value === 'string' ? value : undefined;
}
