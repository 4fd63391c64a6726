/**
 * Mutual TLS handshakes: as many clients as keep the proxy busy, each connection a full handshake with certificates of both sides, and nothing
 * after it. What counts is the proxy's CPU, since clients work as hard as it does. With elliptic keys what is measured is OpenSSL, which Node
 * has, beside BoringSSL.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answering, bootstrap, downstreamTls, httpListener, type Json, routeConfig } from '#testing/bootstrap.ts';
import { type Certificate, signed, testAuthority } from '#testing/certificates.ts';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { type Bench, inTurns, type Measure, type Row } from '../measure.ts';
import type { Peer } from '../peers.ts';
import { cpuTime, output } from '../processes.ts';
import { onStage } from '../stages.ts';

const CLIENTS = 4;
/** Handshakes are few a second: code is compiled only after some thousand. */
const WARM_SECONDS = 10;
const PEERS: readonly Peer[] = ['envoy', 'fairlead'];

const KINDS = [
  { name: 'handshakes', title: 'RSA 2048', rsa: true, must: 0.8 },
  { name: 'handshakes-ecdsa', title: 'ECDSA P-256', rsa: false, must: undefined },
];

export const handshakes: Measure[] = KINDS.map(({ name, title, rsa, must }) => ({
  name,
  run: (bench) => measure(bench, title, rsa, must),
}));

async function measure(bench: Bench, title: string, rsa: boolean, must: number | undefined): Promise<Row[]> {
  const seen = await onStage((shared) => {
    const [server, client] = ['server', 'client'].map((one) => signed(one, [`DNS:${one}.test`], { rsa }));
    const files = written(shared, client);
    return inTurns(bench, PEERS, mutualTls(server), async ({ pid, port }) => {
      await connectAll(port, files, WARM_SECONDS);
      const before = cpuTime(pid);
      const count = await connectAll(port, files, bench.seconds);
      const cpu = cpuTime(pid) - before;
      return { rate: (count * 1000) / cpu };
    });
  });
  const values = Object.fromEntries(PEERS.map((peer) => [peer, seen[peer].rate.toFixed(0)]));
  return [
    {
      title: `mutual TLS handshakes, ${title}: per CPU second`,
      values,
      ratio: seen.fairlead.rate / seen.envoy.rate,
      must,
      aim: 1,
      better: 'higher',
    },
  ];
}

function mutualTls({ cert, key }: Certificate): Json {
  const inline = (text: string) => ({ inline_string: text });
  const common = {
    tls_certificates: [{ certificate_chain: inline(cert), private_key: inline(key) }],
    validation_context: { trusted_ca: inline(testAuthority().cert) },
  };
  const manager = routeConfig([answering('shaken', { prefix: '/' })]);
  return bootstrap([httpListener({ manager, chain: downstreamTls(common, { require_client_certificate: true }) })]);
}

function written(scope: Scope, { cert, key }: Certificate): { cert: string; key: string } {
  const folder = temporaryFolder(scope);
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return files;
}

/** @returns how many connections there were. */
async function connectAll(
  port: number,
  { cert, key }: { cert: string; key: string },
  seconds: number,
): Promise<number> {
  const flags = ['-new', '-connect', `127.0.0.1:${port}`, '-cert', cert, '-key', key, '-time', `${seconds}`];
  const said = await Promise.all(Array.from({ length: CLIENTS }, () => output(['openssl', 's_time', ...flags])));
  return said.reduce((sum, text) => sum + Number(/(\d+) connections in \d+ real/.exec(text)?.[1] ?? 0), 0);
}
