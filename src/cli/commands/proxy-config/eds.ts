/**
 * `fairlead proxy-config eds`: the endpoints that a proxy was told of, with localities and metadata, from a dump made with `?include_eds`.
 */
import {
  ALL_WITH_ENDPOINTS,
  type Call,
  checkOutput,
  OUTPUT_FLAG,
  PORT_FLAG,
  readDump,
  renderResources,
  type Shown,
  SOURCE_FLAGS,
  type Subcommand,
  textFlag,
} from '#cli/commands/proxy-config/subcommand.ts';
import type { FlagValues } from '#cli/flags.ts';
import type { EndpointFilter } from '#cli/writers/endpoints.ts';
import { assignmentsTable, filterAssignments } from '#cli/writers/load-assignments.ts';
import type { ConfigDump } from '#dump/config-dump.ts';

export const ENDPOINT_FLAGS = [
  textFlag('address', 'only of this address', 'ADDRESS'),
  textFlag('cluster', 'only of this cluster', 'NAME'),
  textFlag('status', 'only healthy, unhealthy, ...', 'STATUS'),
];

export function endpointFilter(values: FlagValues): EndpointFilter {
  return {
    address: values.address as string,
    port: values.port as number,
    cluster: (values.cluster ?? '') as string,
    status: (values.status ?? '') as string,
  };
}

export const subcommand: Subcommand = {
  flags: [OUTPUT_FLAG, ...ENDPOINT_FLAGS, PORT_FLAG, ...SOURCE_FLAGS],
  examples: [
    'eds --admin localhost:15000',
    "eds --file dump.json --cluster 'outbound|9080||reviews.default.svc.cluster.local' -o yaml",
  ],
  needs: 'eds requires pod name or --file parameter',

  async run(call) {
    return await edsShown(await readDump(call, ALL_WITH_ENDPOINTS), call);
  },
};

export async function edsShown(dump: ConfigDump, { values, reader, color }: Call): Promise<Shown> {
  const output = checkOutput(values.output as string);
  const assignments = filterAssignments(dump.endpoints, endpointFilter(values), reader);
  if (output === 'short') return { text: assignmentsTable(assignments, reader, { named: false, color }) };
  const type = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
  return { text: await renderResources(type, assignments, output, reader) };
}
