/**
 * Connections that iptables redirects to the proxy: handed to the listener of their original destination (use_original_dst), or given a
 * filter chain by it (original_dst). In namespaces of their own, over IPv4 and IPv6; ours and real Envoy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespaces } from '#testing/in-namespaces.ts';

const REDIRECT = ['-t nat --dport 9000:9999 -j REDIRECT --to-ports 15006', '-t nat -j REDIRECT --to-ports 15001'];
const TPROXY = [
  '-t mangle --dport 9000:9999 -j TPROXY --on-port 15006 --tproxy-mark 1',
  '-t mangle -j TPROXY --on-port 15001 --tproxy-mark 1',
];
/** What is marked is for this machine, whatever its address. */
const LOCAL = ['rule add fwmark 1 lookup 100', 'route add local default dev lo table 100'];
const WANTED: Record<string, string> = {
  '10.99.0.5:80': 'exact',
  '10.99.0.6:80': 'virtual',
  '10.99.0.6:8080': 'wild',
  '10.99.0.6:8081': 'curl',
  '[fd99::1]:8080': 'wild6',
  '[fd99::1]:80': 'virtual6',
  '10.77.0.1:15001': 'virtual',
  '10.99.0.9:9001': 'port',
  '10.99.0.7:9001': 'port',
  '10.99.0.7:9002': 'both',
  '10.99.0.8:9002': 'both',
  '10.98.0.8:9002': 'else',
};

interface Seen {
  seen: Record<string, string>;
  stats: Record<string, number>;
}

for (const how of ['redirected', 'transparent']) {
  test(`${how} connections go where they were going`, async (t) => {
    const run = (kind: string, workers: string) => {
      const script = ['test/differential/redirected-run.ts', kind, workers, how];
      return inNamespaces(
        script,
        how === 'redirected' ? REDIRECT : TPROXY,
        how === 'redirected' ? [] : LOCAL,
      ) as Promise<Seen>;
    };
    const workers = how === 'redirected' ? '2' : '1';
    const [envoy, ours] = await Promise.all([run('envoy', '1'), run('fairlead', workers)]);
    if (process.env.FAIRLEAD_SHOW) t.diagnostic(JSON.stringify(envoy, null, 1));
    assert.deepEqual(ours, envoy);
    const first = Object.entries(ours.seen).map(([target, answer]) => [target, answer.split(' ')[0]]);
    assert.deepEqual(Object.fromEntries(first), WANTED);
  });
}
