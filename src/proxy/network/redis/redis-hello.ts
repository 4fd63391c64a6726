/**
 * Who the client is, and who we are: AUTH, HELLO, CLIENT.
 * Follows https://redis.io/docs/latest/commands/hello/ and https://redis.io/docs/latest/commands/auth/
 */
import type { RedisProxyConfig } from '#config/model/redis-proxy.ts';
import { encodeResp, errorReply, type RespValue, simpleReply } from '#wire/redis/resp-value.ts';

const OK = simpleReply('OK');
/** Whom a password alone stands for. */
const UNNAMED = ['', 'default'];

/** What a client was told when it gave its name and password. */
export interface AuthOutcome {
  reply: Buffer;
  /** Undefined: nothing changes. */
  allowed?: boolean;
}

/** @param username undefined where only a password was given */
export function authenticate(config: RedisProxyConfig, username: Buffer | undefined, password: Buffer): AuthOutcome {
  const { downstreamAuthPasswords: passwords, downstreamAuthUsername: name } = config;
  const matches = passwords.some((one) => sameText(Buffer.from(one), password));
  if (username === undefined) {
    if (passwords.length === 0) return { reply: errorReply('ERR Client sent AUTH, but no password is set') };
    if (matches) return { reply: OK, allowed: true };
    return { reply: errorReply('ERR invalid password'), allowed: false };
  }
  if (passwords.length === 0 && name === '') {
    return { reply: errorReply('ERR Client sent AUTH, but no username-password pair is set') };
  }
  const named = (name === '' ? UNNAMED : [name]).some((one) => sameText(Buffer.from(one), username));
  if (named && matches) return { reply: OK, allowed: true };
  return { reply: errorReply('WRONGPASS invalid username-password pair'), allowed: false };
}

/** Takes as long whether the beginning is right or not. */
function sameText(one: Buffer, other: Buffer): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let i = 0; i < one.length; i++) difference |= one[i] ^ other[i];
  return difference === 0;
}

const NOPROTO = errorReply('NOPROTO unsupported protocol version');
/** A number as C++ reads it. */
const VERSION_2 = /^\s*\+?0*2\s*$/;
/** Characters that would end the reply, or mean something to a terminal. */
const CONTROLS = /[^ -~\x80-\xff]/g;

/** What HELLO asks for, or what is wrong with it. */
export type Hello = { auth: { username: Buffer; password: Buffer } | undefined } | { reply: Buffer };

export function readHello(args: readonly Buffer[]): Hello {
  if (args.length > 1 && !VERSION_2.test(args[1].latin1Slice())) return { reply: NOPROTO };
  let auth: { username: Buffer; password: Buffer } | undefined;
  let named = false;
  for (let i = 2; i < args.length; ) {
    const option = args[i].latin1Slice();
    switch (option.toLowerCase()) {
      case 'auth':
        if (i + 2 >= args.length) return wrongHello('HELLO AUTH requires <username> <password>');
        if (auth !== undefined) return wrongHello('HELLO AUTH specified more than once');
        auth = { username: args[i + 1], password: args[i + 2] };
        i += 3;
        break;
      case 'setname':
        if (i + 1 >= args.length) return wrongHello('HELLO SETNAME requires a <clientname>');
        if (named) return wrongHello('HELLO SETNAME specified more than once');
        named = true;
        i += 2;
        break;
      default:
        return wrongHello(`unknown HELLO option '${option.replace(CONTROLS, ' ')}'`);
    }
  }
  return { auth };
}

function wrongHello(words: string): { reply: Buffer } {
  return { reply: Buffer.from(`-ERR Syntax error: ${words}\r\n`, 'latin1') };
}

const bulk = (text: string): RespValue => ({ kind: 'bulk', bytes: Buffer.from(text) });
const integer = (text: string): RespValue => ({ kind: 'integer', text });

export const HELLO_REPLY = encodeResp({
  kind: 'array',
  items: [
    ...[bulk('server'), bulk('envoy-redis-proxy'), bulk('version'), bulk('6.0.0'), bulk('proto'), integer('2')],
    ...[bulk('id'), integer('0'), bulk('mode'), bulk('standalone'), bulk('role'), bulk('master')],
    ...[bulk('modules'), { kind: 'array', items: [] } as RespValue],
  ],
});

/** CLIENT: what libraries say of themselves is taken; @returns undefined for one without a subcommand */
export function clientReply(args: readonly Buffer[]): Buffer | undefined {
  if (args.length < 2) return undefined;
  const subcommand = args[1].toString();
  if (['setname', 'setinfo'].includes(subcommand.toLowerCase())) return OK;
  return errorReply(`ERR CLIENT subcommand '${subcommand}' is not supported by the proxy`);
}
