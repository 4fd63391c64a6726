/**
 * `fairlead completion`: prints a script that completes commands, flags and sample names in a shell.
 */
import { type Command, UsageError } from '#cli/command.ts';
import { COMMANDS } from '#cli/command-table.ts';
import { type CompletionWords, SHELLS } from '#cli/completion-scripts.ts';

const HELP = `Prints a completion script for a shell.

Usage: fairlead completion ${Object.keys(SHELLS).join('|')}

Examples:
  fairlead completion bash > ~/.local/share/bash-completion/completions/fairlead
  fairlead completion zsh > "\${fpath[1]}/_fairlead"
  fairlead completion fish > ~/.config/fish/completions/fairlead.fish
  source <(fairlead completion bash)      only for this shell
`;

export const command: Command = {
  async run(args) {
    if (args.includes('-h') || args.includes('--help')) {
      process.stdout.write(HELP);
      return 0;
    }
    const [shell, ...rest] = args;
    if (rest.length > 0 || shell === undefined || !Object.hasOwn(SHELLS, shell)) {
      throw new UsageError(`needs one shell: ${Object.keys(SHELLS).join(', ')}`, 'completion');
    }
    process.stdout.write(SHELLS[shell](await words()));
    return 0;
  },

  async completions() {
    return [...Object.keys(SHELLS), '--help'];
  },
};

async function words(): Promise<CompletionWords[]> {
  const all = await Promise.all(
    COMMANDS.map(async ({ name, aliases = [], summary, load }) => {
      const words = await (await load()).completions();
      return [name, ...aliases].map((each) => ({ name: each, summary, words }));
    }),
  );
  return all.flat();
}
