/**
 * Hears when a file is replaced: another is moved to its path, or the link that it is behind is swapped. What is written to a file that
 * stays is not looked at, as it may be half written.
 * Follows config.core.v3.PathConfigSource and https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime#updating-runtime-values-via-symbolic-link-swap
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { logger } from '#base/logger.ts';

export interface PathWatch {
  close(): void;
}

/**
 * @param directory where something moves when the file is another; empty: the file's own
 * @param changed called soon after, once for what happened together
 */
export function watchPath(path: string, directory: string, changed: () => void): PathWatch {
  let pending = false;
  const folder = directory || dirname(path);
  const name = basename(path);
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, { persistent: false }, (event, moved) => {
      if (event !== 'rename' || pending || (directory === '' && moved !== null && moved !== name)) return;
      pending = true;
      setImmediate(() => {
        pending = false;
        if (watcher !== undefined) changed();
      });
    });
    watcher.on('error', (error) => logger('config').warning(`${folder} is watched no more: ${error.message}`));
  } catch (error) {
    logger('config').warning(`${folder} cannot be watched: ${(error as Error).message}`);
  }
  return {
    close: () => {
      watcher?.close();
      watcher = undefined;
    },
  };
}
