/**
 * `fairlead proxy-config log`: the log levels of a running proxy, read or set.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--logging
 */

import { printable } from '#base/printable.ts';
import { SOURCE_FLAGS, type Subcommand } from '#cli/commands/proxy-config/subcommand.ts';
import { askAdmin } from '#cli/dump/fetch-admin.ts';
import { DumpError } from '#dump/dump-error.ts';

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];
/** What Istio starts a sidecar with. */
const DEFAULT_LEVEL = 'warning';
/** The name that means all loggers. */
const EVERY = 'level';

export const subcommand: Subcommand = {
  flags: [
    {
      name: 'level',
      kind: 'text',
      value: 'LEVELS',
      help: `LEVEL or LOGGER:LEVEL,...; one of ${LEVELS.join(', ')}`,
      initial: '',
    },
    { name: 'reset', short: 'r', kind: 'switch', help: `back to ${DEFAULT_LEVEL}`, initial: false },
    ...SOURCE_FLAGS.filter(({ name }) => name === 'admin'),
  ],
  examples: [
    'log --admin localhost:15000',
    'log --admin localhost:15000 --level debug',
    'log --admin localhost:15000 --level http:debug,router:trace',
    'log --admin localhost:15000 --reset',
  ],
  needs: 'log requires pod name or --selector',

  async run({ values, source }) {
    if (!('admin' in source)) throw new DumpError('log levels are those of a running proxy: --admin HOST:PORT');
    if (values.reset && values.level !== '') throw new DumpError('--level cannot be combined with --reset');
    let text = await askAdmin(source.admin, '/logging', 'POST');
    const wanted = values.reset ? new Map([[EVERY, DEFAULT_LEVEL]]) : parseLevels(values.level as string, text);
    for (const [logger, level] of wanted)
      text = await askAdmin(source.admin, `/logging?${encodeURIComponent(logger)}=${level}`, 'POST');
    return { text: text.split('\n').map(printable).join('\n') };
  },
};

/**
 * @param loggers what the proxy answers, with a logger in each line.
 * @returns levels by logger, that of all of them first. @throws DumpError in istioctl's words.
 */
function parseLevels(text: string, loggers: string): Map<string, string> {
  const known = new Set([...loggers.matchAll(/^\s+([^\s:]+): /gm)].map((match) => match[1]));
  let levels = new Map<string, string>();
  for (const word of text === '' ? [] : text.split(',')) {
    const parts = /^(?:.*::)?([^:=]*)[:=](.*)$/s.exec(word);
    if (parts === null) {
      levels = new Map([[EVERY, checkedLevel(word)]]);
      continue;
    }
    const [, logger, level] = parts;
    if (logger !== EVERY && !known.has(logger)) throw new DumpError(`unrecognized logger name: ${logger}`);
    levels.set(logger, checkedLevel(level));
  }
  const every = levels.get(EVERY);
  levels.delete(EVERY);
  return every === undefined ? levels : new Map([[EVERY, every], ...levels]);
}

function checkedLevel(word: string): string {
  const level = word === 'warn' ? 'warning' : word;
  if (!LEVELS.includes(level)) throw new DumpError(`unrecognized logging level: ${word}`);
  return level;
}
