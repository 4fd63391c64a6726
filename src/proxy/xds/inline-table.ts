/**
 * A route table that stands in its listener, with virtual hosts that are fetched beside its own.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
 */
import { checkTogether, loadVirtualHost } from '#config/load-route-table.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouteTable, VirtualHost } from '#config/model/route.ts';
import type { ToWorker } from '#proxy/worker-messages.ts';
import type { DiscoveryContext } from '#proxy/xds/discovery-context.ts';
import type { HostChange } from '#proxy/xds/merged-hosts.ts';
import { VirtualHostDiscovery, type VirtualHostTable } from '#proxy/xds/virtual-host-discovery.ts';

type InlineRoutes = Extract<HttpConnectionManager['routes'], { kind: 'inline' }>;
/** One that has a key. */
export type FedRoutes = InlineRoutes & { key: string };

export class InlineTable implements VirtualHostTable {
  holders = 0;
  /** With the virtual hosts that were fetched. */
  table: RouteTable;
  readonly name: string;
  readonly vhds: VirtualHostDiscovery;
  private readonly routes: FedRoutes;
  private readonly context: DiscoveryContext;
  private readonly tell: (message: ToWorker) => void;

  constructor(routes: FedRoutes, context: DiscoveryContext, tell: (message: ToWorker) => void) {
    const { table } = routes;
    this.routes = routes;
    this.context = context;
    this.tell = tell;
    this.table = table;
    this.name = table.name;
    if (table.vhds === undefined) throw new Error('no virtual hosts are fetched for this table');
    this.vhds = new VirtualHostDiscovery(this, table.vhds, context.root.scope(`vhds.${table.name}`), context);
  }

  demand(host: string): void {
    this.vhds.demand(host);
  }

  read(bytes: Uint8Array): VirtualHost {
    const { maxDirectResponseBodySizeBytes } = this.routes.table;
    const inside = { ...this.context.readContext(), clusterNames: undefined, maxDirectResponseBodySizeBytes };
    return loadVirtualHost(bytes, inside, this.context.unknownFields);
  }

  use(hosts: VirtualHost[]): void {
    const { key, table } = this.routes;
    const virtualHosts = [...table.virtualHosts, ...hosts];
    checkTogether(this.name, virtualHosts);
    this.table = { ...table, virtualHosts };
    this.tell({ kind: 'routes', key, update: { kind: 'table', table: this.table } });
  }

  change(changes: HostChange[]): void {
    const leaving = new Set(changes.map(({ former }) => former));
    const staying = this.vhds.hosts().filter((host) => !leaving.has(host));
    this.use([...staying, ...changes.map(({ host }) => host)]);
  }

  onAnswer(host: string): void {
    this.tell({ kind: 'route_answer', question: { kind: 'virtual_host', key: this.routes.key, name: host } });
  }

  /** The table itself was not refused: the management server alone hears of it. */
  onRefused(): void {}
}
