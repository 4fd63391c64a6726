/**
 * `fairlead proxy-config listeners`: which addresses a proxy listens on, what each filter chain matches and where it leads.
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
  VERBOSE_FLAG,
} from '#cli/commands/proxy-config/subcommand.ts';
import { filterListeners, listenersTable } from '#cli/writers/listeners.ts';
import { DumpError, NOT_THERE } from '#dump/dump-error.ts';

export const subcommand: Subcommand = {
  flags: [
    OUTPUT_FLAG,
    textFlag('address', 'only of this address', 'ADDRESS'),
    PORT_FLAG,
    textFlag('type', 'only HTTP, TCP or HTTP+TCP', 'TYPE'),
    VERBOSE_FLAG,
    { name: 'waypoint', kind: 'switch', help: 'what a waypoint knows', initial: false, hidden: true },
    ...SOURCE_FLAGS,
  ],
  examples: [
    'listeners --admin localhost:15000',
    'listeners --file dump.json --port 9080',
    'listeners --file dump.json --type HTTP --address 0.0.0.0 -o json',
  ],
  needs: 'listener requires pod name or --file parameter',

  async run(call) {
    const { values, reader, color } = call;
    if (values.waypoint) throw new DumpError('--waypoint is not supported: waypoints of ambient meshes are not read');
    const dump = await readDump(call);
    const output = checkOutput(values.output as string);
    const all = dump.listeners;
    if (all.length === 0) throw new DumpError('no listeners found', NOT_THERE);
    const filter = {
      address: values.address as string,
      port: values.port as number,
      type: values.type as string,
    };
    const listeners = filterListeners(all, filter, reader);
    if (output !== 'short')
      return { text: await renderResources('envoy.config.listener.v3.Listener', listeners, output, reader) };
    return { text: listenersTable(listeners, reader, { verbose: values.verbose as boolean, named: false, color }) };
  },
};
