import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { packageRoot } from '#base/entry.ts';
import { eventually } from '#testing/eventually.ts';
import { type ProxyKind, proxyCommand } from '#testing/proxy-command.ts';

/** Runs the sample, sends two datagrams as two clients, and gives the counters that are not zero, by name. */
async function countersOf(t: TestContext, kind: ProxyKind): Promise<string[]> {
  const args = kind === 'envoy' ? ['--proxy-command', proxyCommand(kind).join(' ')] : [];
  const child = spawn(join(packageRoot, 'bin/fairlead'), ['sample', 'udp', ...args]);
  const exited = once(child, 'exit');
  t.after(() => child.kill('SIGTERM'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  await eventually('the sample serves', () => output.includes('stop  Ctrl-C'));
  for (const text of ['HELO', 'OLEH']) {
    const client = createSocket('udp4');
    client.send(text, 10000, '127.0.0.1');
    await eventually(`the service prints ${text}`, () => output.includes(`service got "${text}"`));
    client.close();
  }
  const stats = await (await fetch('http://127.0.0.1:10001/stats?filter=udp')).text();
  child.kill('SIGTERM');
  assert.equal((await exited)[0], 0, output);
  // Names are resolved anew while it runs: how often depends on the time.
  return stats.split('\n').filter((line) => !line.endsWith(': 0') && !line.includes('.update_'));
}

test("datagrams reach the service, and the counters are Envoy's", async (t) => {
  const ours = await countersOf(t, 'fairlead');
  assert.deepEqual(ours, await countersOf(t, 'envoy'));
  for (const line of [
    'cluster.service_udp.max_host_weight: 1',
    'cluster.service_udp.udp.sess_tx_datagrams: 2',
    'cluster.service_udp.upstream_cx_tx_bytes_total: 8',
    'udp.service.downstream_sess_rx_bytes: 8',
    'udp.service.downstream_sess_total: 2',
    'cluster.service_udp.upstream_cx_length_ms: No recorded values',
  ])
    assert.ok(ours.includes(line), line);
});
