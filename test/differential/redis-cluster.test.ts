import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap, staticCluster, typed } from '#testing/bootstrap.ts';
import { freePort } from '#testing/free-port.ts';
import { RedisTestClient, startRedis } from '#testing/redis-server.ts';
import type { Scope } from '#testing/scope.ts';
import { compare, onEach, redisListener, talk } from './compare-redis.ts';
import { alike } from './compare-tcp.ts';

const SLOTS = 16_384;
const EVERY_MS = 50;

/** Real servers that share the slots among them. @returns their ports */
async function startRedisCluster(t: Scope, count: number): Promise<number[]> {
  const ports: number[] = [];
  const buses: number[] = [];
  for (let i = 0; i < count; i++) {
    // Where it is not said, it is the port + 10,000, which may be more than a port can be.
    buses.push(await freePort());
    ports.push(await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-port', `${buses[i]}`]));
  }
  const clients = ports.map((port) => new RedisTestClient(port));
  for (const [i, client] of clients.entries()) {
    const [first, next] = [i, i + 1].map((n) => Math.floor((n * SLOTS) / count));
    await client.ask(['CLUSTER', 'ADDSLOTSRANGE', `${first}`, `${next - 1}`]);
    if (i > 0) await clients[0].ask(['CLUSTER', 'MEET', '127.0.0.1', `${ports[i]}`, `${buses[i]}`]);
  }
  for (const client of clients) {
    while (!(await client.ask(['CLUSTER', 'INFO']))?.includes('cluster_state:ok')) await sleep(EVERY_MS);
    client.close();
  }
  return ports;
}

const keys = Array.from({ length: 30 }, (_, i) => `key${i}`);

test('a server that says where the key is, is believed', async (t) => {
  const ports = await startRedisCluster(t, 2);
  for (const enable_redirection of [true, false]) {
    await compare(t, ports, { proxy: { settings: { enable_redirection } }, clusters: { c: [0] } }, (proxy) =>
      talk(proxy, ['SET a 1', 'SET b 2', 'SET c 3', 'GET a', 'GET b', 'GET c', 'MGET a b c', 'DEL a b c']),
    );
  }
});

test('the members that Redis names have their slots, as with Envoy', async (t) => {
  const ports = await startRedisCluster(t, 3);
  const cluster = {
    type: undefined,
    cluster_type: {
      name: 'envoy.clusters.redis',
      typed_config: typed('extensions.clusters.redis.v3.RedisClusterConfig', { cluster_refresh_rate: '0.5s' }),
    },
    lb_policy: 'CLUSTER_PROVIDED',
  };
  const compared = '^redis.p.(splitter|command)|^cluster.c.(redis_cluster|membership|max_host)';
  await compare(t, ports, { cluster, clusters: { c: [1] }, compared }, async (proxy) => {
    await proxy.statBecomes('cluster.c.membership_total', 3);
    const lines = [
      'MSET {t}a 1 {t}b 2',
      'MGET {t}a {t}b key1',
      'KEYS {t}*',
      'DEL key1 key2',
      'MULTI',
      'SET {t}a 3',
      'INCR {t}b',
      'EXEC',
    ];
    const answers = await talk(proxy, [...keys.map((key) => `SET ${key} v`), ...lines]);
    const where = (await onEach(ports, ['KEYS', '*'])).map((list) => list.split('\r\n').sort());
    assert.ok(
      where.every((list) => list.length > 2),
      'every server has keys',
    );
    return { answers, where };
  });
});

const slotsOf = (port: number) => `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:${port}\r\n`;

/** Has all slots; every other command it sends away, to itself. */
function sendsAway(socket: Socket): void {
  let commands = 0;
  socket.on('data', (bytes: Buffer) => {
    const isMoved = !bytes.includes('CLUSTER') && ++commands % 2 === 1;
    if (bytes.includes('CLUSTER')) socket.write(slotsOf(socket.localPort ?? 0));
    else socket.write(isMoved ? `-MOVED 1 127.0.0.1:${socket.localPort}\r\n` : '+OK\r\n');
  });
}

/** Has all slots; it takes no command. */
function breaksOff(socket: Socket): void {
  socket.on('data', (bytes: Buffer) => {
    if (bytes.includes('CLUSTER')) socket.write(slotsOf(socket.localPort ?? 0));
    else socket.destroy();
  });
}

for (const [name, serve, thresholds] of [
  ['redirections', sendsAway, { redirect_refresh_threshold: 3 }],
  ['failures', breaksOff, { failure_refresh_threshold: 3 }],
] as const) {
  alike(`after ${name} the slots are asked for before their time, once in a while`, {
    upstreams: { c: serve },
    bootstrap: ({ c }) => {
      const config = { cluster_refresh_rate: '60s', redirect_refresh_interval: '60s', ...thresholds };
      const cluster_type = {
        name: 'envoy.clusters.redis',
        typed_config: typed('extensions.clusters.redis.v3.RedisClusterConfig', config),
      };
      const settings = { op_timeout: '5s', enable_redirection: true };
      return bootstrap(
        [redisListener({ settings })],
        [staticCluster('c', [c], { type: undefined, cluster_type, lb_policy: 'CLUSTER_PROVIDED' })],
      );
    },
    async run({ proxy, note }) {
      const client = new RedisTestClient(await proxy.listenerPort());
      await proxy.statBecomes('cluster.c.membership_total', 1);
      for (let i = 0; i < 2; i++) note((await client.ask(['GET', 'a'])) ?? '');
      note(`${await proxy.stat('cluster.c.update_attempt')}`);
      note((await client.ask(['GET', 'a'])) ?? '');
      await proxy.statBecomes('cluster.c.update_attempt', 2);
      for (let i = 0; i < 4; i++) await client.ask(['GET', 'a']);
      client.close();
    },
    stats: /^cluster\.c\.update_(attempt|success|failure|empty)$/,
    concurrency: 2,
  });
}
