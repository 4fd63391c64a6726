/**
 * Completion scripts: plain lists of words, written out when the script is printed, so that a key press starts nothing.
 */

/** A command with the words that can follow it. */
export interface CompletionWords {
  name: string;
  summary: string;
  words: string[];
}

/** How each shell wants it. */
export const SHELLS: Record<string, (commands: readonly CompletionWords[]) => string> = { bash, zsh, fish };

function bash(commands: readonly CompletionWords[]): string {
  return `# Completes fairlead in bash.
_fairlead() {
  local words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${commands.map(({ name }) => name).join(' ')} --help --version'
  else
    case \${COMP_WORDS[1]} in
${commands.map(({ name, words }) => `      ${name}) words='${words.join(' ')}' ;;`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _fairlead fairlead
`;
}

function zsh(commands: readonly CompletionWords[]): string {
  return `#compdef fairlead
# Completes fairlead in zsh.
_fairlead() {
  local -a choices
  if (( CURRENT == 2 )); then
    choices=(
${commands.map(({ name, summary }) => `      ${quoted(`${name}:${summary}`)}`).join('\n')}
    )
    _describe 'command' choices
    return
  fi
  case \${words[2]} in
${commands.map((command) => `    ${command.name}) choices=(${command.words.join(' ')}) ;;`).join('\n')}
  esac
  compadd -a choices
  _files
}
if [ "$funcstack[1]" = _fairlead ]; then _fairlead "$@"; else compdef _fairlead fairlead; fi
`;
}

function fish(commands: readonly CompletionWords[]): string {
  const lines = commands.flatMap(({ name, summary, words }) => [
    `complete -c fairlead -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ...words.map((word) => {
      const offer = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c fairlead -n '__fish_seen_subcommand_from ${name}' ${offer}`;
    }),
  ]);
  return `# Completes fairlead in fish.\n${lines.join('\n')}\n`;
}

/** In single quotes, for any of the shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
