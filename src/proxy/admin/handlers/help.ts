/** `/help`: every command with what it does, as text; also the answer to a path that is none. */
import { type AdminHandler, text } from '#proxy/admin/handler.ts';

/** @param handlers all of them, this one too. */
export function help(handlers: () => readonly AdminHandler[]): AdminHandler {
  return {
    path: '/help',
    help: 'print this list of commands',
    answer: () => text(helpText(handlers())),
  };
}

export function helpText(handlers: readonly AdminHandler[]): string {
  const lines = ['admin commands are:\n'];
  for (const { path, help, mutates, parameters = [], hidden } of handlers) {
    if (hidden) continue;
    lines.push(`  ${path}${mutates ? ' (POST)' : ''}: ${help}\n`);
    for (const parameter of parameters) {
      const choice = parameter.options === undefined ? '' : `; One of (${parameter.options.join(', ')})`;
      lines.push(`      ${parameter.name}: ${parameter.help}${choice}\n`);
    }
  }
  return lines.join('');
}
