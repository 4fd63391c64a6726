/**
 * A small file that is read again when it has changed, looked at whenever somebody asks: /etc/hosts and /etc/resolv.conf.
 */
import { readFileSync, statSync } from 'node:fs';

export class WatchedFile<T> {
  private readonly path: string;
  private readonly parse: (text: string) => T;
  private version: string | undefined;
  private parsed: T | undefined;

  /** @param parse gets the text; an empty one where the file cannot be read. */
  constructor(path: string, parse: (text: string) => T) {
    this.path = path;
    this.parse = parse;
  }

  current(): T {
    const version = this.look();
    if (this.parsed === undefined || version !== this.version) {
      this.version = version;
      this.parsed = this.parse(version === '' ? '' : this.read());
    }
    return this.parsed;
  }

  private look(): string {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    return stat === undefined ? '' : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
  }

  private read(): string {
    try {
      return readFileSync(this.path, 'utf8');
    } catch {
      return '';
    }
  }
}
