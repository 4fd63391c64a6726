/**
 * Reads the runtime values of disk layers: files in folders.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type RuntimeValues, valueOfText } from '#selection/runtime-values.ts';

/** A disk layer deeper than this is a mistake, such as a link to a folder above. */
const MAX_DEPTH = 100;

/** A file a value, a folder a part of the key. @throws when it cannot be read. */
export function valuesOfFolder(folder: string, prefix = '', values: RuntimeValues = {}, depth = 1): RuntimeValues {
  if (depth > MAX_DEPTH) throw new Error(`${folder} is more than ${MAX_DEPTH} folders deep`);
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const found = statSync(path);
    if (found.isDirectory()) valuesOfFolder(path, `${prefix}${name}.`, values, depth + 1);
    else if (found.isFile()) values[`${prefix}${name}`] = valueOfText(valueText(readFileSync(path, 'utf8')));
  }
  return values;
}

/** Lines that are empty or begin with `#` say nothing. The last line ends the value; so does, as in Envoy, one that is like it. */
function valueText(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '');
  const last = lines.at(-1);
  return lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => (line === last ? line.trimEnd() : `${line}\n`))
    .join('');
}
