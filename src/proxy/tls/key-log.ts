/**
 * Writes the secrets of connections to a file, in the format that Wireshark reads.
 * Follows extensions.transport_sockets.tls.v3.TlsKeyLog and https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-02.html
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import type { KeyLogConfig } from '#config/model/tls.ts';
import { IpRange, parseIp } from '#selection/ip-range.ts';

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

/** Which connections of a context are logged, and where. */
export class KeyLogging {
  private readonly log: KeyLog;
  private readonly local: IpRange[];
  private readonly remote: IpRange[];

  constructor({ path, localRanges, remoteRanges }: KeyLogConfig) {
    this.log = KeyLog.to(path);
    this.local = localRanges.map((range) => new IpRange(range));
    this.remote = remoteRanges.map((range) => new IpRange(range));
  }

  /** Logs what comes of this socket's handshake, where its addresses, once it has them, are among those asked for. */
  follow(socket: TLSSocket): void {
    if (this.local.length === 0 && this.remote.length === 0) socket.on('keylog', this.log.write);
    else socket.on('keylog', (line: Buffer) => this.isWanted(socket) && this.log.write(line));
  }

  private isWanted({ localAddress, remoteAddress }: TLSSocket): boolean {
    return isAmong(this.local, localAddress) && isAmong(this.remote, remoteAddress);
  }
}

function isAmong(ranges: readonly IpRange[], address: string | undefined): boolean {
  if (ranges.length === 0) return true;
  const ip = address === undefined ? undefined : parseIp(address);
  return ip !== undefined && ranges.some((range) => range.has(ip));
}
