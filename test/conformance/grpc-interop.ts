/**
 * grpc-go's interop client through the proxy to its server: every case that passes directly passes through it.
 * Follows https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { bootstrap, http2Cluster, httpListener, type Json, routeConfig, routeTo } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import type { Scope } from '#testing/scope.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { goProgram } from './go-program.ts';
import type { Suite } from './suite.ts';

const MODULE = 'google.golang.org/grpc/interop';
const VERSION = 'v1.85.0';
const CASES = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
];
/** Milliseconds that a case may take. */
const LONGEST = 30_000;

/** What stands between client and server. */
const WAYS: Record<string, { http2: Json; workers: number }> = {
  plain: { http2: {}, workers: 1 },
  'small windows': {
    http2: { initial_stream_window_size: 65_535, initial_connection_window_size: 65_535 },
    workers: 1,
  },
  'one stream a connection, two workers': { http2: { max_concurrent_streams: 1 }, workers: 2 },
};

export const grpcInterop: Suite = {
  name: 'grpc-interop',
  async run(t) {
    const client = goProgram(`${MODULE}/client`, VERSION);
    const server = await startServer(t, goProgram(`${MODULE}/server`, VERSION));
    const failures: string[] = [];
    let passed = 0;
    for (const [way, { http2, workers }] of Object.entries(WAYS)) {
      const manager = { ...routeConfig([routeTo('/', 'c', { timeout: '0s' })]), http2_protocol_options: http2 };
      const config = bootstrap([httpListener({ manager })], [http2Cluster('c', [server], http2)]);
      const proxy = await startProxy(t, config, { concurrency: workers });
      const port = await proxy.listenerPort();
      for (const name of CASES) {
        if ((await outcome(client, server, name)) !== '') continue;
        const problem = await outcome(client, port, name);
        if (problem === '') passed++;
        else failures.push(`${name} (${way}): ${problem}`);
      }
    }
    return { passed, failures };
  },
};

/** @returns what the client said, or nothing where the case passed */
function outcome(program: string, port: number, name: string): Promise<string> {
  const args = ['--server_host', '127.0.0.1', '--server_port', String(port), '--test_case', name];
  const client = spawn(program, args, { timeout: LONGEST });
  let said = '';
  client.stderr.on('data', (text) => {
    said += text;
  });
  return new Promise((resolve) => client.on('close', (code) => resolve(code === 0 ? '' : `${code}: ${said.trim()}`)));
}

async function startServer(t: Scope, program: string): Promise<number> {
  const port = await freePort();
  const server = spawn(program, ['--port', String(port)], { stdio: 'ignore' });
  t.after(() => void server.kill());
  await eventually('the server listens', async () => {
    const socket = connect(port, '127.0.0.1');
    const listens = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
    });
    socket.destroy();
    return listens;
  });
  return port;
}
