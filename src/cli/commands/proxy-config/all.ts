/**
 * `fairlead proxy-config all`: every table of a proxy's configuration below one another, or the whole dump.
 */
import { CLUSTER_FLAGS, clusterFilter } from '#cli/commands/proxy-config/clusters.ts';
import { endpointFilter } from '#cli/commands/proxy-config/eds.ts';
import {
  ALL_WITH_ENDPOINTS,
  type Call,
  checkOutput,
  OUTPUT_FLAG,
  PORT_FLAG,
  SOURCE_FLAGS,
  type Subcommand,
  textFlag,
  VERBOSE_FLAG,
} from '#cli/commands/proxy-config/subcommand.ts';
import { readSource } from '#cli/dump/read-source.ts';
import { clustersTable, filterClusters } from '#cli/writers/clusters.ts';
import { filterListeners, listenersTable } from '#cli/writers/listeners.ts';
import { assignmentsTable, filterAssignments } from '#cli/writers/load-assignments.ts';
import { filterRoutes, routesTable } from '#cli/writers/routes.ts';
import { versionsText } from '#cli/writers/versions.ts';
import { ConfigDump } from '#dump/config-dump.ts';
import { DumpError, NOT_THERE } from '#dump/dump-error.ts';
import { parseJson } from '#dump/parse-json.ts';

export const subcommand: Subcommand = {
  flags: [
    OUTPUT_FLAG,
    VERBOSE_FLAG,
    ...CLUSTER_FLAGS,
    PORT_FLAG,
    textFlag('address', 'only listeners and endpoints of this address', 'ADDRESS'),
    textFlag('type', 'only listeners of type HTTP, TCP or HTTP+TCP', 'TYPE'),
    textFlag('name', 'only the route configuration of this name', 'NAME'),
    ...SOURCE_FLAGS,
  ],
  examples: [
    'all --admin localhost:15000',
    'all --file dump.json --port 9080',
    'all --admin localhost:15000 -o json > dump.json',
  ],
  needs: 'all requires pod name or --file parameter',

  async run(call) {
    const output = checkOutput(call.values.output as string);
    const text = await readSource(call.source, ALL_WITH_ENDPOINTS);
    const root = parseJson(text);
    const dump = new ConfigDump(root, call.reader);
    if (output === 'json') return { text: `${(await import('#cli/writers/json-text.ts')).terminalJson(text)}\n` };
    if (output === 'yaml') {
      const [{ yamlText }, { plainTree }] = await Promise.all([
        import('#cli/writers/yaml-text.ts'),
        import('#cli/writers/proto-tree.ts'),
      ]);
      return { text: `${yamlText(plainTree(root))}\n` };
    }
    return await allTables(dump, call);
  },
};

/** A section that is missing is told of, and the others are shown. */
async function allTables(dump: ConfigDump, { values, reader, color }: Call) {
  const { secretsTable } = await import('#cli/writers/secrets.ts');
  const verbose = values.verbose as boolean;
  const listeners = { address: values.address as string, port: values.port as number, type: values.type as string };
  const options = { named: true, color };
  const tables = [
    () => versionsText(reader.object(dump.needed('BootstrapConfigDump')[0], 'bootstrap'), reader),
    () => clustersTable(filterClusters(dump.clusters, clusterFilter(values), reader), reader, options),
    () => listenersTable(filterListeners(dump.listeners, listeners, reader), reader, { verbose, ...options }),
    () => routesTable(filterRoutes(dump.routes, values.name as string, reader), reader, { verbose, ...options }),
    () => secretsTable(dump.needed('SecretsConfigDump'), reader, { now: Date.now(), ...options }),
    () => assignmentsTable(filterAssignments(dump.endpoints, endpointFilter(values), reader), reader, options),
  ];
  let status = 0;
  const shown: string[] = [];
  for (const table of tables) {
    try {
      shown.push(table());
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      reader.resource = '';
      reader.note(error.message);
      status = NOT_THERE;
    }
  }
  return { text: shown.join('\n'), status };
}
