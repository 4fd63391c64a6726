/**
 * The server behind the proxies: nginx with one worker, on the core of the load. `/` answers 60 bytes, `/big` one MiB, both to any method.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { LOAD_CORE, pinned } from './processes.ts';

const ANSWER = '0123456789'.repeat(6);

/**
 * @param http2 it speaks HTTP/2 alone
 * @param more addresses where it listens besides 127.0.0.1
 * @returns its port.
 */
export async function startBackend(scope: Scope, http2 = false, more: readonly string[] = []): Promise<number> {
  const folder = temporaryFolder(scope);
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'big'), randomBytes(1 << 20));
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `user root; worker_processes 1; daemon off; pid ${folder}/pid; error_log /dev/null;
    events { worker_connections 16384; }
    http {
      access_log off; keepalive_requests 1000000000; client_max_body_size 0; large_client_header_buffers 16 32k;
      client_body_temp_path ${folder}/body;
      server {
        listen 127.0.0.1:${port} ${http2 ? 'http2 ' : ''}backlog=4096;
        ${more.map((address) => `listen ${address}:${port};`).join(' ')}
        location = /big { root ${folder}; error_page 405 =200 $uri; }
        location / { return 200 '${ANSWER}'; }
      }
    }`,
  );
  const [program, ...args] = pinned(LOAD_CORE, ['nginx', '-c', config]);
  stopWith(scope, spawn(program, args, { stdio: 'ignore' }));
  await (http2 ? listens(port) : answers(port));
  return port;
}

function listens(port: number): Promise<boolean> {
  return eventually(`port ${port} is open`, async () => {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    return open;
  });
}

/** Waits until something answers on a port of the loopback. */
export function answers(port: number): Promise<boolean> {
  const served = () => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status === 200);
  return eventually(`port ${port} answers`, () => served().catch(() => false));
}

export function stopWith(scope: Scope, child: ChildProcess): void {
  scope.after(
    () =>
      new Promise<void>((resolve) => {
        child.once('close', () => resolve());
        if (!child.kill()) resolve();
      }),
  );
}
