/**
 * From the start of the process to the first answer through it.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '#testing/free-port.ts';
import { proxyCommand } from '#testing/proxy-command.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { median } from '../../median.ts';
import { stopWith } from '../backend.ts';
import { plainBootstrap } from '../bootstraps.ts';
import type { Measure } from '../measure.ts';
import { PROXY_CORE, pinned } from '../processes.ts';
import { onStage } from '../stages.ts';

const ROUNDS = 5;

export const start: Measure = {
  name: 'start',
  async run(bench) {
    const times = { envoy: [] as number[], fairlead: [] as number[] };
    for (let i = 0; i < ROUNDS; i++) {
      for (const peer of ['envoy', 'fairlead'] as const) times[peer].push(await timed(peer, bench.backend));
    }
    const [envoy, fairlead] = [median(times.envoy), median(times.fairlead)];
    return [
      {
        title: 'start to first served request, milliseconds of ours',
        values: { envoy: `${envoy.toFixed(0)} ms`, fairlead: `${fairlead.toFixed(0)} ms` },
        ratio: fairlead,
        must: 400,
        aim: 200,
        better: 'lower',
      },
    ];
  },
};

function timed(peer: 'envoy' | 'fairlead', backend: number): Promise<number> {
  return onStage(async (stage) => {
    const port = await freePort();
    const config = join(temporaryFolder(stage), 'bootstrap.json');
    const bootstrap = plainBootstrap(backend) as { static_resources: { listeners: { address: unknown }[] } };
    bootstrap.static_resources.listeners[0].address = { socket_address: { address: '127.0.0.1', port_value: port } };
    writeFileSync(config, JSON.stringify(bootstrap));
    const flags = ['-c', config, '--concurrency', '1', '-l', 'off', '--disable-hot-restart'];
    const [program, ...args] = pinned(PROXY_CORE, [...proxyCommand(peer), ...flags]);
    const began = performance.now();
    stopWith(stage, spawn(program, args, { stdio: 'ignore' }));
    while (!(await answered(port))) if (performance.now() - began > 20_000) throw new Error(`${peer} does not answer`);
    return performance.now() - began;
  });
}

function answered(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: bench\r\n\r\n'));
    const done = (ok: boolean) => {
      socket.destroy();
      if (ok) resolve(true);
      else setTimeout(resolve, 2, false);
    };
    socket.once('error', () => done(false));
    socket.once('data', (data: Buffer) => done(data.includes(' 200 ')));
    socket.once('end', () => done(false));
  });
}
