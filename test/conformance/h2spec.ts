/**
 * h2spec (https://github.com/summerwind/h2spec): RFC 9113 and RFC 7541, frame by frame, in plain text and over TLS. (Real Envoy 1.40 fails 13
 * of its 145 cases.)
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap, downstreamTls, httpListener, routeConfig } from '#testing/bootstrap.ts';
import { certificate } from '#testing/certificates.ts';
import type { Scope } from '#testing/scope.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { goProgram } from './go-program.ts';
import type { Suite, SuiteResult } from './suite.ts';

const PROGRAM = 'github.com/summerwind/h2spec/cmd/h2spec';
const VERSION = 'v2.2.1+incompatible';

export const h2spec: Suite = {
  name: 'h2spec',
  async run(t) {
    const program = goProgram(PROGRAM, VERSION);
    const manager = {
      codec_type: 'HTTP2',
      ...routeConfig([{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'hello' } } }]),
    };
    const { cert, key } = certificate({ commonName: 'localhost', names: ['DNS:localhost'] });
    const tls = downstreamTls({
      tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
      alpn_protocols: ['h2', 'http/1.1'],
    });
    const proxy = await startProxy(
      t,
      bootstrap([
        httpListener({ name: 'plain', manager }),
        httpListener({ name: 'tls', manager: { ...manager, codec_type: 'AUTO' }, chain: tls }),
      ]),
    );
    const results = [
      await attack(t, program, await proxy.listenerPort('plain'), []),
      await attack(t, program, await proxy.listenerPort('tls'), ['-t', '-k']),
    ];
    return { passed: results[0].passed + results[1].passed, failures: results.flatMap(({ failures }) => failures) };
  },
};

async function attack(t: Scope, program: string, port: number, more: string[]): Promise<SuiteResult> {
  const report = join(temporaryFolder(t), 'report.xml');
  const args = ['-h', '127.0.0.1', '-p', String(port), '-o', '3', '-j', report, ...more];
  const text = await new Promise<string>((resolve) => {
    execFile(program, args, { maxBuffer: 1 << 24 }, (_error, stdout) => resolve(stdout));
  });
  const summary = /(\d+) tests, (\d+) passed, \d+ skipped, (\d+) failed/.exec(text);
  if (summary === null) throw new Error(`h2spec ended early: ${text.slice(-500)}`);
  const cases = [
    ...readFileSync(report, 'utf8').matchAll(
      /<testcase [^>]*?package="([^"]*)"[^>]*?classname="([^"]*)"[^>]*?>\s*<(failure|error)/g,
    ),
  ];
  const failures = cases.map(([, section, claim]) => `${section}: ${claim}${more.length > 0 ? ' (TLS)' : ''}`);
  const failed = Number(summary[3]);
  return {
    passed: Number(summary[2]),
    failures: failures.length === failed ? failures : [text.slice(-2000)].slice(0, failed),
  };
}
