/**
 * Secrets whose files are watched: what is in `watched_directory`, or beside the files themselves.
 * Follows envoy.config.core.v3.WatchedDirectory and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret#key-rotation
 */
import { statSync } from 'node:fs';
import type { Place } from '#api/place.ts';
import type { SecretValue } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { honours } from '#config/read/support.ts';
import type { WatchedDirectory } from '#envoy/config/core/v3/base_pb.js';

const check = honours('envoy.config.core.v3.WatchedDirectory', ['path']);

/** Tells the secrets of one process apart. */
let numbers = 0;
const WATCHED = 'watched ';

/** Whether a key of the secret store is that of a secret which stands in the configuration itself. */
export function isWatched(key: string): boolean {
  return key.startsWith(WATCHED);
}

/**
 * Notes a secret that stands in the configuration itself and has files in a folder that is watched.
 * @param at of the directory. @returns its key in the secret store; undefined where nothing is to be watched.
 */
export function watchSecret(
  directory: WatchedDirectory | undefined,
  value: SecretValue | undefined,
  at: Place,
  context: ReadContext,
  read: () => SecretValue | undefined,
): string | undefined {
  if (directory === undefined || value === undefined) return undefined;
  check(directory, at);
  const { path } = directory;
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw at.field('path').problem(`unable to add filesystem watch for file ${path}: No such file or directory`);
  }
  const key = `${WATCHED}${numbers++}`;
  context.watchedSecrets.push({ key, value, folders: [path], read: () => read() ?? value });
  return key;
}
