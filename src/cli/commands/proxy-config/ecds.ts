/**
 * `fairlead proxy-config ecds`: the configurations of filters that a proxy got by extension config discovery.
 */
import {
  checkOutput,
  OUTPUT_FLAG,
  readDump,
  SOURCE_FLAGS,
  type Subcommand,
} from '#cli/commands/proxy-config/subcommand.ts';
import { extensionConfigsTable } from '#cli/writers/extension-configs.ts';

export const subcommand: Subcommand = {
  flags: [OUTPUT_FLAG, ...SOURCE_FLAGS],
  examples: ['ecds --admin localhost:15000', 'ecds --file dump.json -o yaml'],
  needs: 'ecds requires pod name or --file parameter',

  async run(call) {
    const { values, reader, color } = call;
    const dump = await readDump(call);
    const output = checkOutput(values.output as string);
    const [section] = dump.needed('EcdsConfigDump');
    if (output === 'short') return { text: extensionConfigsTable(dump.extensionConfigs, reader, color) };
    const [{ protoTree }, { messageType }] = await Promise.all([
      import('#cli/writers/proto-tree.ts'),
      import('#api/registry.ts'),
    ]);
    const tree = protoTree(messageType('envoy.admin.v3.EcdsConfigDump'), section, (what) => reader.note(what));
    if (output === 'yaml') return { text: `${(await import('#cli/writers/yaml-text.ts')).yamlText(tree)}\n` };
    return { text: `${(await import('#cli/writers/json-text.ts')).jsonText(tree)}\n` };
  },
};
