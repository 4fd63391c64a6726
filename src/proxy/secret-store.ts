/**
 * The secrets of all TLS contexts on the main thread: whoever brings one (the configuration's files, xDS) puts it here, and every worker is
 * told. Those in files are read again when their folders change: all files of a secret together, so that a certificate and a key that do
 * not belong to each other (one of them is not written yet) change nothing.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
 */
import { type FSWatcher, watch } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { logger } from '#base/logger.ts';
import type { SecretValue } from '#config/model/tls.ts';
import type { WatchedSecret } from '#config/read/context.ts';

/** Hears of a change. @param value undefined: the secret is gone. */
export type SecretListener = (key: string, value: SecretValue | undefined) => void;

interface Folder {
  watcher: FSWatcher;
  keys: Set<string>;
  /** A change was seen, and is looked at in a moment: one rename makes several events. */
  pending: boolean;
}

export class SecretStore {
  private readonly values = new Map<string, SecretValue>();
  private readonly watched = new Map<string, WatchedSecret>();
  private readonly folders = new Map<string, Folder>();
  private readonly listeners: SecretListener[] = [];
  private readonly log = logger('secret');

  readonly find = (key: string): SecretValue | undefined => this.values.get(key);

  /** Calls back after every change. */
  onChange(listener: SecretListener): void {
    this.listeners.push(listener);
  }

  /** Everything that is there, for workers that start. */
  all(): { [key: string]: SecretValue } {
    return Object.fromEntries(this.values);
  }

  /** A secret that is here, or has changed; where it is the same as before nobody is told. */
  put(key: string, value: SecretValue): void {
    if (isDeepStrictEqual(this.values.get(key), value)) return;
    this.values.set(key, value);
    for (const listener of this.listeners) listener(key, value);
  }

  /** As {@link put}, for one whose files are to be watched from now on. @throws where a folder cannot be watched */
  watch(secret: WatchedSecret): void {
    this.unwatch(secret.key);
    this.watched.set(secret.key, secret);
    for (const path of new Set(secret.folders)) this.folder(path).keys.add(secret.key);
    this.put(secret.key, secret.value);
  }

  /** Nobody uses it any more. */
  remove(key: string): void {
    this.unwatch(key);
    if (!this.values.delete(key)) return;
    for (const listener of this.listeners) listener(key, undefined);
  }

  close(): void {
    for (const { watcher } of this.folders.values()) watcher.close();
    this.folders.clear();
  }

  private folder(path: string): Folder {
    let folder = this.folders.get(path);
    if (folder === undefined) {
      const watcher = watch(path, { persistent: false }, () => this.onEvent(path));
      watcher.on('error', (error) => this.log.warning(`${path} is watched no more: ${error.message}`));
      folder = { watcher, keys: new Set(), pending: false };
      this.folders.set(path, folder);
    }
    return folder;
  }

  private unwatch(key: string): void {
    if (!this.watched.delete(key)) return;
    for (const [path, { keys, watcher }] of this.folders) {
      if (!keys.delete(key) || keys.size > 0) continue;
      watcher.close();
      this.folders.delete(path);
    }
  }

  private onEvent(path: string): void {
    const folder = this.folders.get(path);
    if (folder === undefined || folder.pending) return;
    folder.pending = true;
    setImmediate(() => {
      folder.pending = false;
      for (const key of folder.keys) this.readAgain(key);
    });
  }

  private readAgain(key: string): void {
    const secret = this.watched.get(key);
    if (secret === undefined) return;
    let value: SecretValue;
    try {
      value = secret.read();
    } catch (error) {
      this.log.warning(`a secret stays as it is: ${(error as Error).message}`);
      return;
    }
    this.put(key, value);
  }
}
