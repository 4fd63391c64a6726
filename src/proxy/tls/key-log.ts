/**
 * Writes the secrets of connections to a file, in the format that Wireshark reads.
 * Follows extensions.transport_sockets.tls.v3.TlsKeyLog and https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-02.html
 */
import { createWriteStream, type WriteStream } from 'node:fs';

const logs = new Map<string, KeyLog>();

export class KeyLog {
  private readonly stream: WriteStream;

  private constructor(path: string) {
    this.stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
    this.stream.on('error', () => {});
  }

  /** The log of this path; contexts that name one path share it. */
  static to(path: string): KeyLog {
    let log = logs.get(path);
    if (log === undefined) {
      log = new KeyLog(path);
      logs.set(path, log);
    }
    return log;
  }

  readonly write = (line: Buffer): void => {
    this.stream.write(line);
  };
}
