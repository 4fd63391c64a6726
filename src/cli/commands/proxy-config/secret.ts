/**
 * `fairlead proxy-config secret`: the certificates and roots that a proxy got by SDS. Private keys are never in a dump.
 */

import { renderSections } from '#cli/commands/proxy-config/render-sections.ts';
import {
  checkOutput,
  OUTPUT_FLAG,
  readDump,
  SOURCE_FLAGS,
  type Subcommand,
} from '#cli/commands/proxy-config/subcommand.ts';

export const subcommand: Subcommand = {
  flags: [OUTPUT_FLAG, ...SOURCE_FLAGS],
  examples: ['secret --admin localhost:15000', 'secret --file dump.json -o json'],
  needs: 'secret requires pod name or --file parameter',

  async run(call) {
    const { values, reader, color } = call;
    const dump = await readDump(call);
    const output = checkOutput(values.output as string);
    const sections = dump.needed('SecretsConfigDump');
    if (output !== 'short') return { text: await renderSections('SecretsConfigDump', sections[0], output, reader) };
    const { secretsTable } = await import('#cli/writers/secrets.ts');
    return { text: secretsTable(sections, reader, { named: false, color, now: Date.now() }) };
  },
};
