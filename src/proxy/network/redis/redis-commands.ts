/**
 * The commands that the proxy knows, and what becomes of each.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis#supported-commands
 */

/** Where a command goes. */
export type CommandKind =
  /** To the host of its first argument. */
  | 'simple'
  /** To the host of its third argument. */
  | 'eval'
  /** To the host of its second argument. */
  | 'object'
  /** One command for each of its keys, to their hosts. */
  | 'mget'
  | 'mset'
  | 'sum'
  /** MULTI and what goes with it. */
  | 'transaction'
  /** To every host. */
  | 'all'
  /** To any host. */
  | 'any'
  /** To the host with a number. */
  | 'shard'
  /** Answered here. */
  | 'hello';

const words = (text: string): string[] => text.trim().split(/\s+/);

const READ = words(`
  bf.card bf.exists bf.info bf.mexists bf.scandump bitcount bitfield_ro bitpos dump exists geodist geohash geopos georadius_ro
  georadiusbymember_ro geosearch get getbit getrange hexists hexpiretime hget hgetall hkeys hlen hmget hpttl hrandfield hscan
  hstrlen httl hvals lindex llen lpos lrange mget object pfcount pttl scard sdiff sinter sismember smembers smismember
  sort_ro srandmember sscan strlen substr sunion ttl type xlen xpending xrange xrevrange zcard zcount zdiff zinter zlexcount
  zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore
  zunion`);

const WRITE = words(`
  append bf.add bf.insert bf.loadchunk bf.madd bf.reserve bitfield bitop copy decr decrby expire expireat geoadd georadius
  georadiusbymember geosearchstore getdel getex getset hdel hexpire hexpireat hincrby hincrbyfloat hmset hpersist hpexpire
  hpexpireat hpexpiretime hset hsetnx incr incrby incrbyfloat linsert lmove lpop lpush lpushx lrem lset ltrim msetnx
  persist pexpire pexpireat pfadd pfmerge psetex publish rename renamenx restore rpop rpoplpush rpush rpushx sadd sdiffstore
  set setbit setex setnx setrange sinterstore smove sort spop srem sunionstore xack xadd xautoclaim xclaim xdel xtrim zadd
  zdiffstore zincrby zinterstore zpopmax zpopmin zrangestore zrem zremrangebylex zremrangebyrank zremrangebyscore
  zunionstore`);

const KINDS: { readonly [kind in CommandKind]?: readonly string[] } = {
  eval: ['eval', 'evalsha'],
  object: ['object'],
  mget: ['mget'],
  mset: ['mset'],
  sum: ['del', 'exists', 'touch', 'unlink'],
  transaction: ['multi', 'exec', 'discard', 'watch', 'unwatch'],
  all: ['config', 'flushall', 'flushdb', 'info', 'keys', 'role', 'scan', 'script', 'select', 'slowlog'],
  any: ['cluster', 'randomkey'],
  shard: ['info.shard'],
  hello: ['hello'],
};

/** Commands that may come without an argument. */
const BARE = new Set(words('multi exec discard watch unwatch scan flushall flushdb info randomkey role hello'));

const readCommands = new Set(READ);

/** Every command with its kind. */
export function commandKinds(custom: readonly string[]): Map<string, CommandKind> {
  const kinds = new Map<string, CommandKind>();
  for (const name of [...READ, ...WRITE, ...custom]) kinds.set(name, 'simple');
  for (const [kind, names] of Object.entries(KINDS)) for (const name of names) kinds.set(name, kind as CommandKind);
  return kinds;
}

export function mayBeBare(command: string): boolean {
  return BARE.has(command);
}

/** Whether it changes nothing, so that a replica may answer it. */
export function isRead(command: string): boolean {
  return readCommands.has(command);
}

const UNNAMED = new Set(words('multi exec discard watch unwatch object scan auth readonly asking'));

/** What a command is counted as at a cluster: Envoy has no name for some. */
export function statNameOf(command: string): string {
  return UNNAMED.has(command) ? 'unknown' : command;
}

/** What a transaction can hold: commands that go to one host as they are. */
export function fitsTransaction(kind: CommandKind): boolean {
  return kind === 'simple' || kind === 'mget' || kind === 'mset' || kind === 'sum';
}
