/** `/logging`: levels of the loggers, to see and to change. */
import type { AdminContext } from '#proxy/admin/context.ts';
import { type AdminHandler, type AdminParams, text } from '#proxy/admin/handler.ts';
import { LOG_COMPONENTS } from '#proxy/log-components.ts';
import type { LogLevel } from '#proxy/options.ts';

const LEVELS: LogLevel[] = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];

const USAGE = `
usage: /logging?<name>=<level> (change single level)
usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
usage: /logging?level=<level> (change all levels)
usage: /logging?group=<group_name>:<level> (change group of loggers)
levels: ${LEVELS.join(' ')} 
`;

export const logging: AdminHandler = {
  path: '/logging',
  help: 'show and change log levels',
  parameters: [
    { name: 'paths', help: 'several loggers at once: <name1>:<level1>,<name2>:<level2>' },
    { name: 'group', help: 'a group of loggers: Fairlead has none' },
    { name: 'level', help: 'the level of all loggers', options: ['', ...LEVELS] },
  ],
  mutates: true,
  answer({ params }, context) {
    const problem = change(params, context);
    const active = `active loggers:\n${levels(context)}\n`;
    return problem === undefined ? text(active) : text(`error: ${problem}\n${USAGE}${active}`, 400);
  },
};

function levels(context: AdminContext): string {
  return Array.from(context.logging.levels(), ([component, level]) => `  ${component}: ${level}\n`).join('');
}

/** @returns what is wrong; nothing has changed then. */
function change(params: AdminParams, { logging }: AdminContext): string | undefined {
  // The home page's form sends parameters that were left empty.
  const given = params.entries.filter(([, value]) => value !== '');
  if (given.length === 0) return undefined;
  if (given.length > 1) return 'invalid number of parameters';
  const [name, value] = given[0];
  if (name === 'group') return 'group parameter requires fine-grain logging to be enabled';
  if (name === 'level') {
    if (!isLevel(value)) return 'unknown logger level';
    logging.set(undefined, value);
    return undefined;
  }
  const pairs = name === 'paths' ? value.split(',').map(pair) : [[name, value]];
  for (const [component, level] of pairs) {
    if (!component || !level) return 'empty logger name or empty logger level';
    if (!isLevel(level)) return 'unknown logger level';
    if (!LOG_COMPONENTS.includes(component)) return 'unknown logger name';
  }
  for (const [component, level] of pairs) logging.set(component, level as LogLevel);
  return undefined;
}

function pair(text: string): string[] {
  const colon = text.lastIndexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}

function isLevel(text: string): text is LogLevel {
  return (LEVELS as string[]).includes(text);
}
