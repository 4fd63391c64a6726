/**
 * Transactions: the first command with a key chooses the host, and a connection of its own to it carries them to their end.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis#transactions
 */
import { IGNORED, type RedisClient } from '#proxy/network/redis/redis-client.ts';
import { fitsTransaction } from '#proxy/network/redis/redis-commands.ts';
import { dispatch } from '#proxy/network/redis/redis-dispatch.ts';
import { NO_UPSTREAM_HOST, type RedisRequest, UPSTREAM_FAILURE } from '#proxy/network/redis/redis-request.ts';
import type { RoutedKey } from '#proxy/network/redis/redis-router.ts';
import { encodeCommand, errorReply, simpleReply } from '#wire/redis/resp-value.ts';

const OK = simpleReply('OK');
const NOTHING = Buffer.from('*0\r\n');
const MULTI = encodeCommand(['MULTI']);

/** What a client has begun. */
export class RedisTransaction {
  /** MULTI was sent: every command is part of it now. */
  active = false;
  /** Its last command was sent, and not answered yet. */
  ending = false;
  private routed: RoutedKey | undefined = undefined;
  private client: RedisClient | undefined = undefined;
  /** The host was told MULTI. */
  private begun = false;

  /** Takes MULTI and what goes with it, and, once it is active, every command. */
  take(request: RedisRequest): void {
    switch (request.name) {
      case 'multi':
        if (this.active) return request.answerLocally(errorReply('MULTI calls can not be nested'));
        this.active = true;
        return request.answerLocally(OK);
      case 'exec':
      case 'discard':
        return this.end(request);
      case 'watch':
        return this.watch(request);
      case 'unwatch':
        return this.unwatch(request);
      default:
        return this.queue(request);
    }
  }

  /** The client is gone, or its transaction is. */
  close(): void {
    this.client?.close();
    this.forget();
  }

  private forget(): void {
    this.active = false;
    this.begun = false;
    this.client = undefined;
    this.routed = undefined;
  }

  private end(request: RedisRequest): void {
    if (!this.active) return request.answerLocally(errorReply(`${request.nameAsSent} without MULTI`));
    if (!this.begun) {
      this.close();
      return request.answerLocally(request.name === 'exec' ? NOTHING : OK);
    }
    const { client, routed } = this;
    this.forget();
    this.ending = client !== undefined;
    this.send(request, request.bytes, client, routed);
    client?.leave();
  }

  private watch(request: RedisRequest): void {
    if (this.active) return request.answerLocally(errorReply('ERR WATCH inside MULTI is not allowed'));
    if (request.args.length < 2) {
      return request.answerLocally(errorReply(`wrong number of arguments for '${request.nameAsSent}' command`));
    }
    if (!this.connect(request)) return;
    this.send(request, request.withArg(1, this.keyFor(request)), this.client, this.routed);
  }

  private unwatch(request: RedisRequest): void {
    if (this.active || this.client === undefined) return request.answerLocally(OK);
    const { client, routed } = this;
    this.forget();
    this.send(request, request.bytes, client, routed);
    client.leave();
  }

  private queue(request: RedisRequest): void {
    if (!fitsTransaction(request.kind)) {
      return request.answerLocally(errorReply(`'${request.nameAsSent}' command is not supported within transaction`));
    }
    if (!this.connect(request)) return;
    if (!this.begun) {
      this.client?.send('multi', MULTI, IGNORED);
      this.begun = true;
    }
    this.send(request, request.withArg(1, this.keyFor(request)), this.client, this.routed);
  }

  /** The key as its route has it; a transaction stays with its first route. */
  private keyFor(request: RedisRequest): Buffer {
    return request.session.proxy.router.route(request.args[1])?.key ?? request.args[1];
  }

  /** @returns false where there is no host: the request was answered */
  private connect(request: RedisRequest): boolean {
    if (this.client !== undefined) return true;
    const { router } = request.session.proxy;
    const routed = router.route(request.args[1]);
    const cluster = routed && router.cluster(routed.route.cluster);
    const client = routed && cluster?.dedicated(routed.key, request.session.connection);
    if (client === undefined) {
      request.answerLocally(NO_UPSTREAM_HOST);
      return false;
    }
    this.client = client;
    this.routed = routed;
    return true;
  }

  private settle(request: RedisRequest, reply: Buffer, success: boolean): void {
    const ends = this.ending && (request.name === 'exec' || request.name === 'discard');
    if (ends) this.ending = false;
    request.answer(reply, success);
    if (ends) request.session.readCommands();
  }

  private send(
    request: RedisRequest,
    bytes: Buffer,
    client: RedisClient | undefined,
    routed: RoutedKey | undefined,
  ): void {
    if (client === undefined || routed === undefined) return request.answerLocally(NO_UPSTREAM_HOST);
    const waiter = {
      onReply: (reply: Buffer) => this.settle(request, reply, true),
      onFailure: () => {
        if (this.client === client) this.forget();
        this.settle(request, UPSTREAM_FAILURE, false);
      },
    };
    dispatch(request.session, routed, request.name, bytes, waiter, client);
  }
}
