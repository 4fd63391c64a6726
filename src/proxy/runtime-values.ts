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
    // Names with a leading dot are an editor's or a mount's own (Kubernetes' ..data).
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    if (statSync(path).isDirectory()) {
      valuesOfFolder(path, `${prefix}${name}.`, values, depth + 1);
      continue;
    }
    const lines = readFileSync(path, 'utf8').split('\n');
    values[`${prefix}${name}`] = valueOfText(
      lines
        .filter((line) => !line.startsWith('#'))
        .join('\n')
        .trimEnd(),
    );
  }
  return values;
}
