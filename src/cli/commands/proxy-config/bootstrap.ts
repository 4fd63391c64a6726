/**
 * `fairlead proxy-config bootstrap`: the bootstrap that a proxy started with, or in short its versions.
 */

import { renderSections } from '#cli/commands/proxy-config/render-sections.ts';
import {
  checkOutput,
  OUTPUT_FLAG,
  readDump,
  SOURCE_FLAGS,
  type Subcommand,
} from '#cli/commands/proxy-config/subcommand.ts';
import { versionsText } from '#cli/writers/versions.ts';

export const subcommand: Subcommand = {
  flags: [{ ...OUTPUT_FLAG, initial: 'json' }, ...SOURCE_FLAGS],
  examples: ['bootstrap --admin localhost:15000', 'bootstrap --file dump.json -o short'],
  needs: 'bootstrap requires pod name or --file parameter',

  async run(call) {
    const { values, reader } = call;
    const dump = await readDump(call);
    const output = checkOutput(values.output as string);
    const [section] = dump.needed('BootstrapConfigDump');
    if (output === 'short') return { text: versionsText(reader.object(section, 'bootstrap'), reader) };
    return { text: await renderSections('BootstrapConfigDump', section, output, reader) };
  },
};
