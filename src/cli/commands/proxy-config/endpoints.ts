/**
 * `fairlead proxy-config endpoints`: the endpoints of every cluster, with the health that the proxy sees. It reads `/clusters?format=json`;
 * of a config dump, which knows no health checks, it shows what discovery said.
 */
import { ENDPOINT_FLAGS, edsShown, endpointFilter } from '#cli/commands/proxy-config/eds.ts';
import {
  checkOutput,
  OUTPUT_FLAG,
  PORT_FLAG,
  renderResources,
  SOURCE_FLAGS,
  type Subcommand,
} from '#cli/commands/proxy-config/subcommand.ts';
import { readSource } from '#cli/dump/read-source.ts';
import { endpointsTable, filterStatuses } from '#cli/writers/endpoints.ts';
import { ConfigDump } from '#dump/config-dump.ts';
import { DumpError } from '#dump/dump-error.ts';
import { isObject } from '#dump/dump-reader.ts';
import { parseJson } from '#dump/parse-json.ts';

export const subcommand: Subcommand = {
  flags: [OUTPUT_FLAG, ...ENDPOINT_FLAGS, PORT_FLAG, ...SOURCE_FLAGS],
  examples: [
    'endpoints --admin localhost:15000',
    'endpoints --file clusters.json --port 9080',
    "endpoints --file clusters.json --cluster 'outbound|9411||zipkin.istio-system.svc.cluster.local' -o json",
    'endpoints --file clusters.json --status unhealthy',
  ],
  needs: 'endpoints requires pod name or --file parameter',

  async run(call) {
    const { values, source, reader, color } = call;
    const text = await readSource(source, '/clusters?format=json');
    const root = parseJson(text);
    const output = checkOutput(values.output as string);
    if (isObject(root) && Array.isArray(root.configs)) return await edsShown(new ConfigDump(root, reader), call);
    if (!isObject(root) || !(reader.has(root, 'cluster_statuses') || Object.keys(root).length === 0))
      throw new DumpError("error unmarshalling config dump response from Envoy: it has no list 'cluster_statuses'");
    const statuses = reader.objects(root, 'cluster_statuses');
    const filter = endpointFilter(values);
    if (output === 'short') return { text: endpointsTable(statuses, filter, reader, color) };
    const shown = filterStatuses(statuses, filter, reader);
    return { text: await renderResources('envoy.admin.v3.ClusterStatus', shown, output, reader) };
  },
};
