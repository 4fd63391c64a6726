/**
 * Connections that iptables redirects to the proxy: handed to the listener of their original destination (use_original_dst), or given a
 * filter chain by it (original_dst). In namespaces of their own, over IPv4 and IPv6; ours and real Envoy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespaces } from '#testing/in-namespaces.ts';

const RULES = ['--dport 9000:9999 -j REDIRECT --to-ports 15006', '-j REDIRECT --to-ports 15001'];
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

test('redirected connections go where they were going', async (t) => {
  const run = (kind: string, workers: string) =>
    inNamespaces(['test/differential/redirected-run.ts', kind, workers], RULES) as Promise<Seen>;
  const [envoy, ours, threads] = await Promise.all([run('envoy', '1'), run('fairlead', '1'), run('fairlead', '2')]);
  if (process.env.FAIRLEAD_SHOW) t.diagnostic(JSON.stringify(envoy, null, 1));
  assert.deepEqual(ours, envoy);
  assert.deepEqual(threads, envoy);
  const first = Object.entries(ours.seen).map(([target, answer]) => [target, answer.split(' ')[0]]);
  assert.deepEqual(Object.fromEntries(first), WANTED);
});
