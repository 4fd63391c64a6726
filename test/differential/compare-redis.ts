/**
 * Plays the same to real Envoy and to ours as Redis proxies, one after the other on the same real servers, and compares answers and stats.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { bootstrap, type Json, socketAddress, staticCluster, typed } from '#testing/bootstrap.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { RedisTestClient } from '#testing/redis-server.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { encodeCommand } from '#wire/redis/resp-value.ts';

export const PROXY = 'extensions.filters.network.redis_proxy.v3';

export function redisListener(config: Json): Json {
  const filter = typed(`${PROXY}.RedisProxy`, {
    stat_prefix: 'p',
    prefix_routes: { catch_all_route: { cluster: 'c' } },
    ...config,
    settings: { op_timeout: '5s', ...(config.settings as Json) },
  });
  return {
    name: 'in',
    address: socketAddress(0),
    filter_chains: [{ filters: [{ name: 'redis', typed_config: filter }] }],
  };
}

const STATS = '^redis.p|^cluster.c.redis|^cluster.c.upstream_(rq|cx)_(total|active|timeout)';

interface Setting {
  proxy?: Json;
  /** Clusters by their names, and the numbers of the servers that they have. */
  clusters?: Record<string, number[]>;
  cluster?: Json;
  /** Fields of the bootstrap. */
  more?: Json;
  /** The stats to compare. */
  compared?: string;
}

/** Starts the same for Envoy and ours, one after the other, on the same servers. */
export async function compare(
  t: TestContext,
  ports: number[],
  { proxy = {}, clusters = { c: ports.map((_, i) => i) }, cluster = {}, more = {}, compared = STATS }: Setting,
  play: (proxy: RunningProxy) => Promise<unknown>,
): Promise<void> {
  const config = bootstrap(
    [redisListener(proxy)],
    Object.entries(clusters).map(([name, hosts]) =>
      staticCluster(
        name,
        hosts.map((i) => ports[i] ?? 1),
        { lb_policy: 'MAGLEV', ...cluster },
      ),
    ),
    more,
  );
  const seen: unknown[] = [];
  for (const kind of ['envoy', 'fairlead'] as ProxyKind[]) {
    await onEach(ports, ['FLUSHALL']);
    const running = await startProxy(t, config, { kind });
    const result = await play(running);
    await running.statBecomes('redis.p.downstream_cx_active', 0);
    const stats = await running.stats(compared);
    seen.push({ result, stats: Object.fromEntries(Object.entries(stats).filter(([, value]) => value !== 0)) });
    await running.kill();
  }
  assert.deepEqual(seen[1], seen[0]);
}

export async function onEach(ports: number[], command: string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const port of ports) {
    const client = new RedisTestClient(port);
    answers.push((await client.ask(command)) ?? '');
    client.close();
  }
  return answers;
}

/** A connection on which these are sent at once; each is a line of words, or bytes that are one command. */
export type Talk = (string | Buffer)[];

export async function talk(proxy: RunningProxy, lines: Talk): Promise<string[]> {
  const client = new RedisTestClient(await proxy.listenerPort());
  client.send(Buffer.concat(lines.map((line) => (typeof line === 'string' ? encodeCommand(line.split(' ')) : line))));
  const answers = await client.answers(lines.length);
  client.close();
  return answers.map((answer, i) => {
    if (/^TIME/.test(String(lines[i]))) return answer.replace(/1\d{9,}/g, 'now');
    // Which host answers first is left open.
    return /^(KEYS|SCAN)/.test(String(lines[i])) ? answer.split('\r\n').sort().join(' ') : answer;
  });
}
