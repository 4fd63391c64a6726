/**
 * `fairlead proxy-config clusters`: the clusters of a proxy, with the DestinationRule that shaped each.
 */
import {
  checkOutput,
  OUTPUT_FLAG,
  PORT_FLAG,
  readDump,
  renderResources,
  SOURCE_FLAGS,
  type Subcommand,
  textFlag,
} from '#cli/commands/proxy-config/subcommand.ts';
import type { FlagValues } from '#cli/flags.ts';
import { type ClusterFilter, clustersTable, filterClusters } from '#cli/writers/clusters.ts';
import { DumpError, NOT_THERE } from '#dump/dump-error.ts';

export const CLUSTER_FLAGS = [
  textFlag('fqdn', 'only with this in the host name', 'HOST'),
  textFlag('direction', 'inbound or outbound', 'DIRECTION'),
  textFlag('subset', 'only with this in the subset', 'SUBSET'),
];

export function clusterFilter(values: FlagValues): ClusterFilter {
  return {
    fqdn: values.fqdn as string,
    port: values.port as number,
    subset: values.subset as string,
    direction: values.direction as string,
  };
}

export const subcommand: Subcommand = {
  flags: [OUTPUT_FLAG, ...CLUSTER_FLAGS, PORT_FLAG, ...SOURCE_FLAGS],
  examples: [
    'clusters --admin localhost:15000',
    'clusters --file dump.json --port 9080',
    'clusters --file dump.json --fqdn details.default.svc.cluster.local --direction outbound -o json',
  ],
  needs: 'cluster requires pod name or --file parameter',

  async run(call) {
    const { values, reader, color } = call;
    const dump = await readDump(call);
    const output = checkOutput(values.output as string);
    const all = dump.clusters;
    if (all.length === 0) throw new DumpError('no clusters found', NOT_THERE);
    const clusters = filterClusters(all, clusterFilter(values), reader);
    if (output !== 'short')
      return { text: await renderResources('envoy.config.cluster.v3.Cluster', clusters, output, reader) };
    return { text: clustersTable(clusters, reader, { named: false, color }) };
  },
};
