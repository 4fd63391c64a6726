/**
 * A client of the Redis proxy: its commands may come one behind the other, and it gets the answers in that order.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis
 */
import type { Socket } from 'node:net';
import { Timer } from '#base/timers.ts';
import type { RedisFault } from '#config/model/redis-proxy.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { mayBeBare } from '#proxy/network/redis/redis-commands.ts';
import { dispatch } from '#proxy/network/redis/redis-dispatch.ts';
import { authenticate, clientReply, HELLO_REPLY, readHello } from '#proxy/network/redis/redis-hello.ts';
import type { KnownCommand, RedisProxyInUse } from '#proxy/network/redis/redis-proxy.ts';
import { NO_UPSTREAM_HOST, RedisRequest, UPSTREAM_FAILURE } from '#proxy/network/redis/redis-request.ts';
import { sendToAll, sendToAny, sendToNumbered } from '#proxy/network/redis/redis-shards.ts';
import { splitMget, splitMset, splitSum } from '#proxy/network/redis/redis-split.ts';
import { RedisTransaction } from '#proxy/network/redis/redis-transaction.ts';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { Outgoing } from '#proxy/transport/outgoing.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';
import { RespError, RespReader } from '#wire/redis/resp-reader.ts';
import { commandArgs, encodeCommand, errorReply, simpleReply } from '#wire/redis/resp-value.ts';

const OK = simpleReply('OK');
const PONG = simpleReply('PONG');
const INVALID = errorReply('invalid request');
const NOAUTH = errorReply('NOAUTH Authentication required.');
const PROTOCOL_ERROR = errorReply('downstream protocol error');
const SCAN_ALONE = errorReply("ERR wrong number of arguments for 'SCAN' command");
const NOT_WITHIN_TRANSACTION = "'hello' command is not supported within transaction";
const INJECTED = errorReply('Fault Injected: Error');

/** The place of an answer among those of its client. */
interface Place {
  reply: Buffer | undefined;
  /** It answers no command. */
  uncounted?: boolean;
}

export class RedisSession implements SocketOwner {
  readonly proxy: RedisProxyInUse;
  readonly connection: DownstreamConnection;
  private readonly socket: Socket;
  private readonly bufferedBytes: BufferedBytes;
  private readonly outgoing: Outgoing;
  private readonly reader = new RespReader(true);
  private places: Place[] = [];
  private readonly transaction = new RedisTransaction();
  private allowed: boolean;
  /** It said QUIT, or something that is no command: nothing more is read. */
  private leaving = false;
  private closed = false;

  constructor(proxy: RedisProxyInUse, socket: Socket, connection: DownstreamConnection) {
    this.proxy = proxy;
    this.socket = socket;
    this.connection = connection;
    this.bufferedBytes = connection.countBuffered(proxy.stats.cxRxBytesBuffered, proxy.stats.cxTxBytesBuffered);
    this.outgoing = new Outgoing(socket, this.bufferedBytes);
    this.allowed = proxy.config.downstreamAuthPasswords.length === 0;
  }

  onRead(count: number, bytes: Buffer): void {
    asEvent(() => {
      const { stats } = this.proxy;
      stats.cxRxBytesTotal.add(count);
      this.bufferedBytes.onRead(count);
      if (this.leaving) return;
      this.reader.push(bytes, count);
      this.readCommands();
      if (this.outgoing.isOver(this.connection.bufferLimit)) this.socket.pause();
    });
  }

  /** A transaction was ended: what comes behind it waits until its host has done it, as it may look for what was done. */
  readCommands(): void {
    try {
      while (!this.leaving && !this.closed && !this.transaction.ending) {
        const value = this.reader.next();
        if (value === undefined) return;
        this.onCommand(value);
      }
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      this.proxy.stats.cxProtocolError.inc();
      this.leaving = true;
      const place: Place = { reply: undefined, uncounted: true };
      this.places.push(place);
      this.settle(place, PROTOCOL_ERROR);
    }
  }

  onEnd(): void {
    this.socket.destroy();
  }

  onDrain(): void {
    this.socket.resume();
  }

  onClose(): void {
    this.closed = true;
    this.bufferedBytes.close();
    this.transaction.close();
    const { stats } = this.proxy;
    for (const { uncounted } of this.places) if (!uncounted) stats.rqActive.dec();
    this.places = [];
  }

  /** Nothing is under way. */
  get idle(): boolean {
    return this.places.length === 0;
  }

  close(): void {
    this.socket.destroy();
  }

  private place(): Place {
    const place: Place = { reply: undefined };
    this.places.push(place);
    const { stats } = this.proxy;
    stats.rqTotal.inc();
    stats.rqActive.inc();
    return place;
  }

  /** Sends all answers whose turn it is. */
  private settle(place: Place, reply: Buffer): void {
    if (this.closed) return;
    place.reply = reply;
    const { stats } = this.proxy;
    let done = 0;
    for (; done < this.places.length; done++) {
      const { reply: next, uncounted } = this.places[done];
      if (next === undefined) break;
      if (!uncounted) {
        stats.cxTxBytesTotal.add(next.length);
        stats.rqActive.dec();
      }
      this.outgoing.writeBytes(next);
    }
    if (done > 0) this.places.splice(0, done);
    if (this.places.length > 0) return;
    if (!this.leaving && this.proxy.drainCloses()) {
      stats.cxDrainClose.inc();
      this.leaving = true;
    }
    if (this.leaving) this.outgoing.end();
  }

  private onCommand(bytes: Buffer): void {
    const place = this.place();
    const args = commandArgs(bytes);
    if (args === undefined) return this.invalid(place);
    const name = args[0].latin1Slice().toLowerCase();
    const local = this.answerLocally(name, args);
    if (local === INVALID) return this.invalid(place);
    if (local !== undefined) return this.settle(place, local);
    const known = this.proxy.commands.get(name);
    if (known === undefined) return this.unknown(place, args);
    if (args.length < 2 && name === 'scan') return this.settle(place, SCAN_ALONE);
    if (args.length < 2 && !mayBeBare(name)) return this.invalid(place);
    // Within a transaction everything is a part of it.
    const within = this.transaction.active && known.kind !== 'hello';
    const command = within ? (this.proxy.commands.get('multi') as KnownCommand) : known;
    command.stats.total.inc();
    const described = { name, kind: known.kind, stats: command.stats };
    const fault = this.proxy.faultFor(name);
    const settle = this.settlingAfter(place, fault?.delay ?? 0);
    this.inject(new RedisRequest(this, args, bytes, described, settle), command, fault);
  }

  /** @returns the answer to what needs no host; undefined for all other commands */
  private answerLocally(name: string, args: readonly Buffer[]): Buffer | undefined {
    if (name === 'quit') {
      this.leaving = true;
      return OK;
    }
    if (name === 'auth') {
      if (args.length < 2) return INVALID;
      return this.authenticate(args.length === 3 ? args[1] : undefined, args[args.length === 3 ? 2 : 1]);
    }
    if (!this.allowed && name !== 'hello') return NOAUTH;
    switch (name) {
      case 'ping':
        return PONG;
      case 'echo':
        return args.length === 2 ? encodeCommand(args).subarray(encodedHead(args[0])) : INVALID;
      case 'time':
        return timeReply();
      case 'client':
        return clientReply(args) ?? INVALID;
      default:
        return undefined;
    }
  }

  private authenticate(username: Buffer | undefined, password: Buffer): Buffer {
    const { reply, allowed } = authenticate(this.proxy.config, username, password);
    if (allowed !== undefined) this.allowed = allowed;
    return reply;
  }

  private invalid(place: Place): void {
    this.proxy.stats.invalidRequest.inc();
    this.settle(place, INVALID);
  }

  private unknown(place: Place, args: readonly Buffer[]): void {
    this.proxy.stats.unsupportedCommand.inc();
    const words = `ERR unknown command '${args[0]}', with args beginning with: ${args[1] ?? ''}`;
    this.settle(place, errorReply(words));
  }

  /** A fault may hold back an answer that is there. */
  private settlingAfter(place: Place, delay: number): (reply: Buffer) => void {
    if (delay === 0) return (reply) => this.settle(place, reply);
    return (reply) => {
      const timer = new Timer(() => asEvent(() => this.settle(place, reply)));
      this.proxy.worker.timers.arm(timer, delay);
    };
  }

  /** A fault may stand in the place of the command. */
  private inject(request: RedisRequest, command: KnownCommand, fault: RedisFault | undefined): void {
    if (fault === undefined) return this.run(request);
    command.stats[fault.kind === 'ERROR' ? 'errorFault' : 'delayFault'].inc();
    if (fault.kind === 'ERROR') request.answer(INJECTED, false);
    else this.run(request);
  }

  private run(request: RedisRequest): void {
    if (request.kind === 'hello') return this.hello(request);
    if (this.transaction.active || request.kind === 'transaction') return this.transaction.take(request);
    switch (request.kind) {
      case 'simple':
        return sendByKey(request, 1);
      case 'object':
        if (request.args.length < 3) return wrongNumber(request);
        return sendByKey(request, 2);
      case 'eval':
        // A script without a key could run anywhere.
        if (request.args.length < 4) return wrongNumber(request);
        return sendByKey(request, 3);
      case 'mget':
        return splitMget(request);
      case 'mset':
        return splitMset(request);
      case 'sum':
        return splitSum(request);
      case 'all':
        return sendToAll(request);
      case 'any':
        return sendToAny(request);
      case 'shard':
        return sendToNumbered(request);
    }
  }

  private hello(request: RedisRequest): void {
    if (this.transaction.active) return request.answer(errorReply(NOT_WITHIN_TRANSACTION), false);
    const hello = readHello(request.args);
    if ('reply' in hello) return request.answer(hello.reply, false);
    if (hello.auth !== undefined) {
      const reply = this.authenticate(hello.auth.username, hello.auth.password);
      if (reply[0] === MINUS) {
        if (this.proxy.config.downstreamAuthPasswords.length === 0) return request.answerLocally(reply);
        return request.answer(reply, false);
      }
    }
    if (!this.allowed) return request.answer(NOAUTH, false);
    request.answer(HELLO_REPLY, true);
  }
}

const MINUS = 0x2d;

function sendByKey(request: RedisRequest, index: number): void {
  const { session } = request;
  const routed = session.proxy.router.route(request.args[index]);
  if (routed === undefined) return request.answer(NO_UPSTREAM_HOST, false);
  dispatch(session, routed, request.name, request.withArg(index, routed.key), {
    onReply: (reply) => request.answer(reply, true),
    onFailure: (unreachable) => {
      request.answer(unreachable ? NO_UPSTREAM_HOST : UPSTREAM_FAILURE, false);
    },
  });
}

function wrongNumber(request: RedisRequest): void {
  request.answer(errorReply(`wrong number of arguments for '${request.nameAsSent}' command`), false);
}

/** How many bytes of an encoded command come before its second argument. */
function encodedHead(first: Buffer): number {
  return `*2\r\n$${first.length}\r\n`.length + first.length + 2;
}

/** Seconds and microseconds, both since the epoch, as Envoy has it. */
function timeReply(): Buffer {
  const micros = Math.floor(clock.wall() * 1000);
  return encodeCommand([String(Math.floor(micros / 1_000_000)), String(micros)]);
}
