/**
 * What is measured: our proxy and real Envoy with the same bootstrap; nginx and haproxy, which stand for the limit, as plain as they go.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '#testing/free-port.ts';
import type { Scope } from '#testing/scope.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { answers, stopWith } from './backend.ts';
import { PROXY_CORE, pinned } from './processes.ts';

export type Peer = 'fairlead' | 'envoy' | 'nginx' | 'haproxy';

export interface Started {
  pid: number;
  port: number;
  /** Ours and Envoy, to be asked for stats. */
  proxy?: RunningProxy;
}

export interface StartOptions {
  /** Workers; 1 unless said. */
  concurrency?: number;
  /** Not kept on one core. */
  free?: boolean;
}

/** Starts a proxy on the core that is its own. @param bootstrap for ours and Envoy; the others only have a backend. */
export async function startPeer(
  scope: Scope,
  peer: Peer,
  bootstrap: object,
  backend: number,
  options: StartOptions = {},
): Promise<Started> {
  if (peer === 'nginx') return await startNginx(scope, backend);
  if (peer === 'haproxy') return await startHaproxy(scope, backend);
  const proxy = await startProxy(scope, bootstrap, {
    kind: peer,
    concurrency: options.concurrency ?? 1,
    logLevel: 'off',
    ...(options.free ? {} : { under: pinned(PROXY_CORE, []) }),
  });
  return { pid: proxy.pid, port: await proxy.listenerPort(), proxy };
}

async function startNginx(scope: Scope, backend: number): Promise<Started> {
  const folder = temporaryFolder(scope);
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `user root; master_process off; worker_processes 1; daemon off; pid ${folder}/pid; error_log /dev/null;
    events { worker_connections 16384; }
    http {
      access_log off; keepalive_requests 1000000000;
      upstream back { server 127.0.0.1:${backend}; keepalive 128; keepalive_requests 1000000000; }
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ''; }
      }
    }`,
  );
  return await spawned(scope, ['nginx', '-c', config], port);
}

async function startHaproxy(scope: Scope, backend: number): Promise<Started> {
  const folder = temporaryFolder(scope);
  const port = await freePort();
  const config = join(folder, 'haproxy.cfg');
  writeFileSync(
    config,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  default_backend back
backend back
  server b 127.0.0.1:${backend}
`,
  );
  return await spawned(scope, ['haproxy', '-db', '-f', config], port);
}

async function spawned(scope: Scope, command: string[], port: number): Promise<Started> {
  const [program, ...args] = pinned(PROXY_CORE, command);
  const child = spawn(program, args, { stdio: 'ignore' });
  stopWith(scope, child);
  await answers(port);
  return { pid: child.pid as number, port };
}
