import test from 'node:test';
import { typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { RedisTestClient, startRedis } from '#testing/redis-server.ts';
import { compare, onEach, PROXY, type Talk, talk } from './compare-redis.ts';

/** A line that has an empty word for each pair of blanks. */
const raw = (text: string) => Buffer.from(text, 'latin1');

const TALKS: Talk[] = [
  ['PING', 'ping x', 'PING a b', 'ECHO hi', 'ECHO', 'ECHO a b', 'TIME', 'TIME x'],
  ['AUTH', 'AUTH x', 'AUTH u x', 'AUTH a b c', 'HELLO', 'HELLO 2', 'HELLO 3', 'HELLO x', 'HELLO 2 SETNAME n'],
  ['HELLO +02', 'HELLO 2x', 'HELLO 2 Foo', 'HELLO 3 foo', 'HELLO 2 AUTH a', 'HELLO 2 setname', 'HELLO 2 AUTH a b foo'],
  [
    'HELLO 2 AUTH a b AUTH c d',
    'HELLO 2 SETNAME a SETNAME b',
    Buffer.from('*3\r\n$5\r\nHELLO\r\n$1\r\n2\r\n$3\r\n\r\xffa\r\n', 'latin1'),
  ],
  ['hello 2 AUTH a b', 'CLIENT', 'CLIENT SETNAME x', 'CLIENT SETINFO a b', 'CLIENT ID', 'CLIENT GETNAME'],
  [
    'FOO',
    'foo a b',
    'COMMAND',
    'SUBSCRIBE x',
    'BLPOP a 1',
    'XREAD COUNT 2',
    'MEMORY USAGE a',
    'SHUTDOWN',
    'ASKING',
    'DBSIZE',
  ],
  ['GET', 'GET a', 'SET a 1', 'get a', 'GET a b', 'INCR n', 'LPUSH l a b', 'LRANGE l 0 -1', 'GETSET a 2', 'APPEND a x'],
  [
    'MSET a 1 b 2 c 3',
    'MSET a 1 b',
    'MSET',
    'MGET a b c nope',
    'MGET',
    'DEL a b',
    'EXISTS a b c',
    'TOUCH c d',
    'UNLINK c d',
    'DEL',
  ],
  ['LPUSH l a', 'MGET l a', 'EXISTS l l', 'SET k v', 'SETNX k w', 'STRLEN k', 'TYPE l', 'EXPIRE k 100', 'PERSIST k'],
  ['EVAL x', 'EVAL return(1) 0', 'EVAL return(KEYS[1]) 1 a', 'EVAL return({1,2,{3,false}}) 1 a', 'EVALSHA x 1 k'],
  [
    'EVAL return(redis.error_reply("MY")) 1 a',
    'OBJECT HELP',
    'OBJECT ENCODING a',
    'RENAME a b',
    'COPY a b',
    'PUBLISH x y',
  ],
  [
    'PUBLISH',
    'PUBLISH x',
    'SORT nope',
    'GEORADIUS g 1 2 3 km',
    'PFCOUNT a b',
    'SINTER a b',
    'BITOP AND d a',
    'ZUNION 1 a',
  ],
  [
    'HSCAN h 0',
    'XADD s 1-1 a b',
    'XLEN s',
    'XRANGE s - +',
    'ZADD z 1 m',
    'ZRANGE z 0 -1',
    'HSET h f v',
    'HGETALL h',
    'DUMP nope',
  ],
  ['SET x 1', 'SET y 2', 'SET z 3', 'KEYS *', 'KEYS', 'KEYS a b', 'SCAN 0', 'SCAN', 'SCAN 0 COUNT 1', 'ROLE'],
  [
    'SLOWLOG LEN',
    'SLOWLOG RESET',
    'CONFIG GET maxmemory',
    'CONFIG SET maxmemory 0',
    'CONFIG',
    'SELECT 0',
    'SELECT',
    'SELECT 99',
  ],
  [
    'CLUSTER INFO',
    'CLUSTER',
    'SCRIPT LOAD return(1)',
    'SCRIPT EXISTS e0e1',
    'SCRIPT',
    'SCRIPT KILL',
    'SCRIPT FLUSH',
    'FLUSHDB',
    'FLUSHALL x',
    'FLUSHALL',
  ],
  ['RANDOMKEY x', 'RANDOMKEY', 'INFO.SHARD', 'QUIT'],
  ['quit x'],
  [
    raw('PING\r\n'),
    raw('*0\r\n'),
    raw('*-1\r\n'),
    raw('*1\r\n:5\r\n'),
    raw('+OK\r\n'),
    raw('$4\r\nPING\r\n'),
    raw('\r\n'),
  ],
  [raw('*2\r\n$3\r\nGET\r\n$-1\r\n'), raw('*1\r\n*1\r\n$1\r\na\r\n'), raw('*1\r\n$0\r\n\r\n')],
  [raw('SET "a b" c\r\n'), raw("  get  'a b' \r\n"), raw('get\ta\r\n')],
  [raw('*1\r\n$4\r\nPINGxx')],
  [raw('*a\r\n')],
  [raw('*3000000\r\n')],
  [raw('$-5\r\n')],
  [raw('FOO "bar\r\n')],
];

const TRANSACTIONS: Talk[] = [
  ['PING', raw('*1\r\n$4\r\nPINGxx')],
  ['MULTI', 'SET a 1', 'GET a', 'EXEC'],
  ['GET a'],
  ['MULTI', 'EXEC', 'MULTI', 'DISCARD', 'EXEC', 'DISCARD', 'MULTI', 'MULTI'],
  ['MULTI', 'SET a 1', 'DISCARD'],
  ['GET a'],
  ['MULTI', 'SET k0 1', 'SET k1 2', 'SET k2 3', 'EXEC'],
  ['MULTI', 'MGET a b', 'MSET a 1 b 2', 'DEL a', 'EXEC'],
  ['MULTI', 'PING', 'FOO', 'GET', 'TIME', 'ECHO x', 'KEYS *', 'EVAL return(1) 1 a', 'HELLO', 'SET a 2', 'EXEC'],
  ['WATCH a', 'MULTI', 'SET a 5', 'EXEC'],
  ['GET a'],
  ['WATCH', 'WATCH a b', 'UNWATCH', 'UNWATCH x'],
  ['MULTI', 'WATCH a', 'SET a 1', 'WATCH a', 'EXEC'],
  ['MULTI', 'SET a', 'EXEC'],
  ['MULTI', 'SET a 1', 'INCR zz', 'LPUSH a x', 'EXEC'],
  ['MULTI x', 'SET a 1', 'EXEC x'],
  ['MULTI', 'SET a 1', 'QUIT'],
];

test('every command is answered, and counted, as by Envoy', async (t) => {
  const ports = [await startRedis(t), await startRedis(t)];
  await compare(t, ports, { proxy: { settings: { enable_command_stats: true } } }, async (proxy) => {
    const answers: Record<string, string[]> = {};
    for (const lines of TALKS) {
      answers[lines.map(String).join(' | ')] = await talk(proxy, lines);
    }
    return answers;
  });
});

test('transactions go as with Envoy', async (t) => {
  const ports = [await startRedis(t), await startRedis(t)];
  // Envoy opens and counts connections of its own way for them.
  const compared = '^redis.p.(splitter|command.*total)';
  await compare(t, ports, { compared }, async (proxy) => {
    const answers: Record<string, string[]> = {};
    for (const lines of TRANSACTIONS) answers[lines.join(' | ')] = await talk(proxy, lines);
    return answers;
  });
});

test('keys go to the servers that they go to in Envoy, tags and all', async (t) => {
  const ports = [await startRedis(t), await startRedis(t), await startRedis(t)];
  for (const enable_hashtagging of [true, false]) {
    await compare(t, ports, { proxy: { settings: { enable_hashtagging } } }, async (proxy) => {
      const sets = Array.from({ length: 60 }, (_, i) => `SET ${['key', '{tag}', 'a{b', '{}x', `{${i}}`][i % 5]}${i} v`);
      await talk(proxy, sets);
      return (await onEach(ports, ['KEYS', '*'])).map((keys) =>
        keys
          .split('\r\n')
          .filter((line) => !/^[$*]/.test(line))
          .sort(),
      );
    });
  }
});

test('prefixes choose clusters, and may be taken off; mirrors get writes too', async (t) => {
  const ports = [await startRedis(t), await startRedis(t), await startRedis(t)];
  const routes = [
    { prefix: 'a:', cluster: 'one', remove_prefix: true },
    { prefix: 'a:b:', cluster: 'two' },
    { prefix: 'm:', cluster: 'one', request_mirror_policy: [{ cluster: 'two', exclude_read_commands: true }] },
    { prefix: 'f:', cluster: 'one', key_formatter: 'x-%KEY%-y' },
    { prefix: 'r:', cluster: 'one', read_command_policy: { cluster: 'two' } },
  ];
  for (const more of [{ case_insensitive: true }, { catch_all_route: { cluster: 'three' } }]) {
    await compare(
      t,
      ports,
      {
        proxy: { prefix_routes: { routes, ...more } },
        clusters: { one: [0], two: [1], three: [2] },
      },
      async (proxy) => {
        const lines = [
          'SET a:x 1',
          'SET A:y 2',
          'SET a:b:x 3',
          'SET m:x 4',
          'GET m:x',
          'SET f:x 5',
          'SET r:x 6',
          'GET r:x',
        ];
        const split = [
          'MSET a:p 1 a:b:q 2 zzz 3',
          'MGET a:p a:b:q zzz',
          'DEL a:p a:b:q zzz',
          'SET other 7',
          'KEYS *',
          'SCAN 0',
        ];
        const answers = await talk(proxy, [...lines, ...split]);
        await talk(proxy, ['PING', 'GET m:x']);
        return { answers, keys: (await onEach(ports, ['KEYS', '*'])).map((keys) => keys.split('\r\n').sort()) };
      },
    );
  }
});

test('passwords: from clients, and for servers', async (t) => {
  const ports = [await startRedis(t, ['--requirepass', 'server'])];
  const secret = (inline_string: string) => ({ inline_string });
  const upstream = {
    typed_extension_protocol_options: {
      'envoy.filters.network.redis_proxy': typed(`${PROXY}.RedisProtocolOptions`, { auth_password: secret('server') }),
    },
  };
  const lines = [
    'GET a',
    'PING',
    'HELLO',
    'CLIENT ID',
    'AUTH bad',
    'AUTH u bad',
    'AUTH u p1',
    'AUTH default p1',
    'AUTH bad',
    'HELLO 2 AUTH Default p1',
    'HELLO 2 AUTH default p1',
    'AUTH p1',
    'SET a 1',
    'GET a',
    'AUTH bad',
    'GET a',
  ];
  const named = [
    'AUTH u p2',
    'GET a',
    'AUTH x p2',
    'GET a',
    'HELLO 2 AUTH u p2',
    'HELLO 2 AUTH u bad',
    Buffer.from('*3\r\n$4\r\nAUTH\r\n$0\r\n\r\n$2\r\np2\r\n'),
    'GET a',
    'QUIT',
  ];
  for (const proxy of [
    { downstream_auth_password: secret('p1') },
    { downstream_auth_passwords: [secret('p1'), secret('p2')], downstream_auth_username: secret('u') },
  ]) {
    await compare(t, ports, { proxy, cluster: upstream }, async (running) => [
      await talk(running, lines),
      await talk(running, named),
    ]);
  }
});

test('where no server is, or none answers in time, clients are told so', async (t) => {
  const server = await startRedis(t, ['--busy-reply-threshold', '20']);
  await compare(t, [], { clusters: { c: [0] } }, (proxy) =>
    talk(proxy, ['GET a', 'MGET a b', 'MSET a 1', 'DEL a b', 'PING']),
  );
  await compare(t, [], { clusters: { c: [] } }, (proxy) =>
    talk(proxy, ['GET a', 'MGET a b', 'MSET a 1', 'DEL a b', 'PING']),
  );
  await compare(t, [server], { proxy: { settings: { op_timeout: '0.3s' } } }, async (proxy) => {
    await talk(proxy, ['SET a 1']);
    return await talk(proxy, ['EVAL while(true)do\tend 1 a']).finally(() => onEach([server], ['SCRIPT', 'KILL']));
  });
});

test('faults come as often as they are to', async (t) => {
  const server = await startRedis(t);
  const all = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
  const faults = [
    { fault_type: 'ERROR', fault_enabled: all, commands: ['GET'] },
    { fault_type: 'DELAY', fault_enabled: all, delay: '0.05s', commands: ['SET'] },
  ];
  await compare(t, [server], { proxy: { faults } }, (proxy) => talk(proxy, ['GET a', 'SET a 1', 'MGET a', 'STRLEN a']));
});

test('clients of a proxy that drains are let go of after a command, unless the runtime says no', async (t) => {
  const server = await startRedis(t);
  for (const drain_close_enabled of [0, 100]) {
    const layers = [{ name: 's', static_layer: { redis: { drain_close_enabled } } }];
    await compare(t, [server], { more: { layered_runtime: { layers } } }, async (proxy) => {
      const client = new RedisTestClient(await proxy.listenerPort());
      const answers = [await client.ask(['PING'])];
      await proxy.admin.post('/healthcheck/fail');
      answers.push(await client.ask(['PING']));
      if (drain_close_enabled > 0) answers.push(...(await client.answers(1)));
      else answers.push(await client.ask(['PING']));
      client.close();
      return answers;
    });
  }
});

test('commands are timed but for HELLO, as by Envoy', async (t) => {
  const server = await startRedis(t);
  await compare(t, [server], { more: { stats_flush_interval: '0.05s' } }, async (proxy) => {
    await talk(proxy, ['HELLO', 'HELLO 3', 'GET a', 'STRLEN a']);
    let timed: string[] = [];
    await eventually('histograms are told', async () => {
      const { body } = await proxy.get('/stats?usedonly&filter=command.*latency');
      timed = Array.from(body.matchAll(/^(\S+): P/gm), ([, name]) => name).sort();
      return timed.some((name) => name.includes('strlen'));
    });
    return timed;
  });
});
