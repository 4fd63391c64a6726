/**
 * A command of a client, from its arguments to the answer that it gets.
 */
import type { CommandKind } from '#proxy/network/redis/redis-commands.ts';
import type { RedisSession } from '#proxy/network/redis/redis-session.ts';
import type { CommandStats } from '#proxy/network/redis/redis-stats.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { encodeCommand, errorReply } from '#wire/redis/resp-value.ts';

export const NO_UPSTREAM_HOST = errorReply('no upstream host');
export const UPSTREAM_FAILURE = errorReply('upstream failure');
export const UPSTREAM_PROTOCOL_ERROR = errorReply('upstream protocol error');

export class RedisRequest {
  readonly session: RedisSession;
  readonly args: readonly Buffer[];
  /** As it came, in the protocol's form. */
  readonly bytes: Buffer;
  /** In lower case. */
  readonly name: string;
  readonly kind: CommandKind;
  readonly stats: CommandStats;
  private readonly startedAt = clock.now();
  private readonly settle: (reply: Buffer) => void;

  /** @param settle gives the client its answer, in its turn */
  constructor(
    session: RedisSession,
    args: readonly Buffer[],
    bytes: Buffer,
    command: { name: string; kind: CommandKind; stats: CommandStats },
    settle: (reply: Buffer) => void,
  ) {
    this.session = session;
    this.args = args;
    this.bytes = bytes;
    this.name = command.name;
    this.kind = command.kind;
    this.stats = command.stats;
    this.settle = settle;
  }

  /** The command as its client wrote it. */
  get nameAsSent(): string {
    return this.args[0].toString();
  }

  /** The bytes with another key. */
  withArg(index: number, value: Buffer): Buffer {
    if (value === this.args[index]) return this.bytes;
    return encodeCommand(this.args.map((arg, i) => (i === index ? value : arg)));
  }

  /** Answers, and counts how it went. @param success an error that a host answered is one, as by Envoy */
  answer(reply: Buffer, success: boolean): void {
    const { stats } = this;
    stats[success ? 'success' : 'error'].inc();
    // As in Envoy, what takes no time is not timed.
    if (this.kind !== 'hello') {
      const { latencyInMicros } = this.session.proxy.config;
      const elapsed = clock.now() - this.startedAt;
      stats.latency.record(Math.round(latencyInMicros ? elapsed * 1000 : elapsed));
    }
    this.settle(reply);
  }

  /** Answers without being counted: no host was asked. */
  answerLocally(reply: Buffer): void {
    this.settle(reply);
  }
}
