/**
 * `fairlead proxy-config routes`: the route configurations of a proxy, with the VirtualService that each route comes from.
 */
import {
  checkOutput,
  OUTPUT_FLAG,
  readDump,
  renderResources,
  SOURCE_FLAGS,
  type Subcommand,
  textFlag,
  VERBOSE_FLAG,
} from '#cli/commands/proxy-config/subcommand.ts';
import { filterRoutes, routesTable } from '#cli/writers/routes.ts';
import { DumpError, NOT_THERE } from '#dump/dump-error.ts';

export const subcommand: Subcommand = {
  flags: [
    OUTPUT_FLAG,
    textFlag('name', 'only the route configuration of this name', 'NAME'),
    VERBOSE_FLAG,
    ...SOURCE_FLAGS,
  ],
  examples: ['routes --admin localhost:15000', 'routes --file dump.json --name 9080 -o yaml'],
  needs: 'route requires pod name or --file parameter',

  async run(call) {
    const { values, reader, color } = call;
    const dump = await readDump(call);
    const output = checkOutput(values.output as string);
    const all = dump.routes;
    if (all.length === 0) throw new DumpError('no routes found', NOT_THERE);
    const routes = filterRoutes(all, values.name as string, reader);
    if (output !== 'short')
      return { text: await renderResources('envoy.config.route.v3.RouteConfiguration', routes, output, reader) };
    return { text: routesTable(routes, reader, { verbose: values.verbose as boolean, named: false, color }) };
  },
};
