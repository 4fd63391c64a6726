/**
 * Who the client is, and who we are: AUTH, HELLO, CLIENT.
 * Follows https://redis.io/docs/latest/commands/hello/ and https://redis.io/docs/latest/commands/auth/
 */
import type { RedisProxyConfig } from '#config/model/redis-proxy.ts';
import { encodeResp, errorReply, type RespValue, simpleReply } from '#wire/redis/resp-value.ts';

const OK = simpleReply('OK');

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
  const named = username.length === 0 || sameText(Buffer.from(name), username);
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

/** What HELLO asks for. */
export interface Hello {
  version: string;
  auth: { username: Buffer; password: Buffer } | undefined;
}

/** @returns undefined for one that asks for what there is not */
export function readHello(args: readonly Buffer[]): Hello | undefined {
  const hello: Hello = { version: args[1]?.toString() ?? '2', auth: undefined };
  for (let i = 2; i < args.length; ) {
    const option = args[i].toString().toLowerCase();
    if (option === 'auth' && i + 2 < args.length) {
      hello.auth = { username: args[i + 1], password: args[i + 2] };
      i += 3;
    } else if (option === 'setname' && i + 1 < args.length) i += 2;
    else return undefined;
  }
  return hello;
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
