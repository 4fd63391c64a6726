/** Files that are written while the proxy runs, such as logs. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Place } from '#api/place.ts';

/** Notes where the file could not be opened, in Envoy's words. It is made when there is something to write. */
export function checkWritable(path: string, at: Place): void {
  const why = obstacle(path);
  if (why !== undefined) at.report(`unable to open file '${path}': ${why}`);
}

function obstacle(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) return 'Is a directory';
    if (found === undefined && !statSync(dirname(path)).isDirectory()) return 'Not a directory';
    accessSync(found === undefined ? dirname(path) : path, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'No such file or directory' : 'Permission denied';
  }
}
