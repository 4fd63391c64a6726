/**
 * One file of access logs. Lines are gathered in memory and written behind the data path's back: when the flush interval has passed,
 * when there are more bytes than fit a flush, and right after the first line. One write is under way at most, so lines keep their order.
 * A disk that is full or slow costs lines, which are counted, never memory or time.
 * Follows Envoy's AccessLogManager,
 * https://www.envoyproxy.io/docs/envoy/latest/operations/stats_overview and --file-flush-interval-msec of the command line.
 */
import { close, closeSync, constants, fstatSync, openSync, write } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import { Timer, type Timers } from '#base/timers.ts';
import type { LogFileSettings } from '#proxy/observe/access-log/access-log-context.ts';
import type { FilesystemStats } from '#proxy/observe/stats/manager-stats.ts';

/** Text becomes bytes in pieces of this size: one call for many lines, and no line keeps a whole request's head alive for long. */
const PIECE = 4096;
const MOST_WAITING = 8 * 1024 * 1024;
/** Writes to a pipe up to this size are never mixed with those of other threads (PIPE_BUF of pipe(7)). */
const WHOLE_IN_PIPE = 4096;
/** Milliseconds until a pipe that is full is tried again. */
const PIPE_RETRY = 2;
const LINE_FEED = 10;

export interface LogFileOptions {
  timers: Timers;
  stats: FilesystemStats;
  settings: LogFileSettings;
  /** Above this many bytes that wait for a slow disk, lines are dropped. */
  mostWaiting?: number;
}

export class LogFile {
  readonly #path: string;
  /** Standard output and error stay what they are when files are opened again. */
  readonly #standard: boolean;
  readonly #timers: Timers;
  readonly #stats: FilesystemStats;
  readonly #flushInterval: number;
  readonly #flushBytes: number;
  readonly #writers: number;
  readonly #mostWaiting: number;
  readonly #timer: Timer;
  readonly #retry: Timer;
  #fd: number;
  #pieceLimit = Number.POSITIVE_INFINITY;
  /** The newest lines, one character a byte. */
  #text = '';
  /** Lines before those. */
  #gathered: Buffer;
  #length = 0;
  /** What is being written, from `#from` to `#to`; the buffer is used in turn with `#gathered`. */
  #writing: Buffer;
  #from = 0;
  #to = 0;
  #busy = false;
  #started = false;
  #reopen = false;
  #waiting: (() => void)[] = [];

  /**
   * @param path `/dev/stdout` and `/dev/stderr` mean what the process was given as such, sockets included
   * @throws Error as Envoy words it, for a file that cannot be opened
   */
  constructor(path: string, options: LogFileOptions) {
    this.#path = path;
    this.#timers = options.timers;
    this.#stats = options.stats;
    this.#flushInterval = Math.max(1, options.settings.flushInterval);
    this.#flushBytes = options.settings.flushBytes;
    this.#writers = options.settings.writers;
    this.#mostWaiting = options.mostWaiting ?? MOST_WAITING;
    this.#timer = new Timer(() => this.#onInterval());
    this.#retry = new Timer(() => this.#writeSome());
    const standard = standardStream(path);
    this.#standard = standard !== undefined;
    this.#fd = standard === undefined ? openLog(path) : unblocked(standard);
    this.#noteKind();
    this.#gathered = Buffer.allocUnsafeSlow(this.#flushBytes + PIECE * 2);
    this.#writing = this.#gathered;
  }

  /** @param line one character a byte, its line feed included. */
  write(line: string): void {
    const { length } = line;
    if (this.#length + this.#text.length + length > this.#mostWaiting) {
      this.#stats.writeFailed.inc();
      return;
    }
    this.#stats.writeBuffered.inc();
    this.#stats.writeTotalBuffered.add(length);
    this.#text += line;
    if (this.#text.length < PIECE && this.#started) return;
    this.#take();
    if (!this.#started) {
      this.#started = true;
      this.#timers.arm(this.#timer, this.#flushInterval);
      this.#flush();
    } else if (this.#length > this.#flushBytes) this.#flush();
  }

  /** @returns once everything that was logged before is written, or given up. */
  flush(): Promise<void> {
    this.#take();
    if (!this.#busy && this.#length === 0) return Promise.resolve();
    this.#flush();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Opens the path again, for whoever moved the old file away. Lines that wait go to the new file. */
  reopen(): void {
    if (this.#standard) return;
    this.#reopen = true;
    if (!this.#busy) this.#openAgain();
  }

  #onInterval(): void {
    this.#stats.flushedByTimer.inc();
    this.#timers.arm(this.#timer, this.#flushInterval);
    this.#take();
    this.#flush();
  }

  /** Turns the newest lines into bytes. */
  #take(): void {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    const needed = this.#length + text.length;
    if (needed > this.#gathered.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#gathered.length * 2));
      this.#gathered.copy(larger, 0, 0, this.#length);
      this.#gathered = larger;
    }
    this.#length += this.#gathered.latin1Write(text, this.#length, text.length);
  }

  #flush(): void {
    if (this.#busy || this.#length === 0) return;
    if (this.#reopen) this.#openAgain();
    const usual = this.#flushBytes + PIECE * 2;
    const other = this.#writing === this.#gathered || this.#writing.length > usual * 4 ? undefined : this.#writing;
    this.#writing = this.#gathered;
    this.#from = 0;
    this.#to = this.#length;
    this.#gathered = other ?? Buffer.allocUnsafeSlow(usual);
    this.#length = 0;
    this.#busy = true;
    this.#writeSome();
  }

  #writeSome(): void {
    write(this.#fd, this.#writing, this.#from, this.#nextPiece(), null, this.#onWritten);
  }

  /** @returns how many bytes the next write takes: to a pipe, as many whole lines as other threads cannot get between. */
  #nextPiece(): number {
    const left = this.#to - this.#from;
    if (left <= this.#pieceLimit) return left;
    const end = this.#writing.lastIndexOf(LINE_FEED, this.#from + this.#pieceLimit - 1);
    return end < this.#from ? this.#pieceLimit : end + 1 - this.#from;
  }

  readonly #onWritten = (error: NodeJS.ErrnoException | null, written: number): void => {
    if (error === null) {
      this.#from += written;
      this.#stats.writeTotalBuffered.add(-written);
      if (this.#from < this.#to) return this.#writeSome();
      this.#stats.writeCompleted.inc();
    } else if (error.code === 'EAGAIN') {
      return this.#timers.arm(this.#retry, PIPE_RETRY);
    } else {
      // Most likely the disk is full. Waiting would not help: these lines are lost.
      this.#stats.writeFailed.inc();
      this.#stats.writeTotalBuffered.add(this.#from - this.#to);
    }
    this.#busy = false;
    if (this.#reopen) this.#openAgain();
    if (this.#length > this.#flushBytes || this.#waiting.length > 0) this.#goOn();
  };

  #goOn(): void {
    this.#take();
    if (this.#length > 0) return this.#flush();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Until the path can be opened, lines go to the old file, and each flush tries again. */
  #openAgain(): void {
    try {
      const fd = openLog(this.#path);
      close(this.#fd, () => {});
      this.#fd = fd;
      this.#reopen = false;
      this.#noteKind();
    } catch {
      this.#stats.reopenFailed.inc();
    }
  }

  #noteKind(): void {
    const kind = fstatSync(this.#fd);
    this.#pieceLimit =
      this.#writers > 1 && (kind.isFIFO() || kind.isSocket()) ? WHOLE_IN_PIPE : Number.POSITIVE_INFINITY;
  }
}

function standardStream(path: string): number | undefined {
  return path === '/dev/stdout' ? 1 : path === '/dev/stderr' ? 2 : undefined;
}

/**
 * A pipe that nobody reads must not hold a thread of the pool, nor the process at its end. Opened once more it has flags of its own;
 * where the system cannot do that, it is taken as it is.
 */
function unblocked(fd: number): number {
  if (!fstatSync(fd).isFIFO()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}

function openLog(path: string): number {
  try {
    const fd = openSync(path, 'a', 0o644);
    const taken = unblocked(fd);
    if (taken !== fd) closeSync(fd);
    return taken;
  } catch (error) {
    throw new Error(`unable to open file '${path}': ${reason(error as NodeJS.ErrnoException)}`);
  }
}

/** The system's words, as strerror(3) has them. */
function reason({ code, errno = 0 }: NodeJS.ErrnoException): string {
  if (code === 'EISDIR') return 'Is a directory';
  const words = getSystemErrorMessage(errno) ?? String(code);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
