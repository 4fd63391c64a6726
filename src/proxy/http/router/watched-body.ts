/**
 * The body of direct responses that stands in a file which is watched: the file is read again when something moves in its folder. Watching
 * begins with the first request, and ends when nobody knows the route any more.
 * Follows envoy.config.core.v3.DataSource.watched_directory.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { logger } from '#base/logger.ts';
import type { DirectResponseAction, WatchedFile } from '#config/model/route.ts';
import { type PathWatch, watchPath } from '#proxy/xds/watched-path.ts';

interface Watched {
  body: string;
}

const known = new WeakMap<DirectResponseAction, Watched>();
const forgotten = new FinalizationRegistry((watch: PathWatch) => watch.close());

/** @param action with a file that is watched. @returns its content, as latin1: the last that could be read */
export function watchedBody(action: DirectResponseAction, file: WatchedFile): string {
  return (known.get(action) ?? begin(action, file)).body;
}

function begin(action: DirectResponseAction, file: WatchedFile): Watched {
  const watched: Watched = { body: Buffer.from(action.body ?? []).toString('latin1') };
  const read = () => {
    watched.body = readBody(file) ?? watched.body;
  };
  read();
  known.set(action, watched);
  // What watches must not know the action, or that would never be forgotten.
  forgotten.register(action, watchPath(file.path, file.directory, read));
  return watched;
}

function readBody({ path, limit }: WatchedFile): string | undefined {
  const log = logger('config');
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    // Of the open file: another may take its place in between.
    const { size } = fstatSync(file);
    if (limit === 0 || size <= limit) return readFileSync(file, 'latin1');
    log.error(`Failed to read file: file ${path} size is ${size} bytes; maximum is ${limit}`);
  } catch (error) {
    log.error(`Failed to read file: ${(error as Error).message}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
  return undefined;
}
