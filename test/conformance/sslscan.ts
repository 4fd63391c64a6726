/**
 * sslscan (https://github.com/rbsec/sslscan): what a listener with TLS and nothing else configured agrees to. No version before TLS 1.2, no
 * suite without forward secrecy and authenticated encryption, no compression, none of the old holes.
 */
import { execFile, execFileSync } from 'node:child_process';
import { bootstrap, downstreamTls, httpListener, routeConfig } from '#testing/bootstrap.ts';
import { certificate } from '#testing/certificates.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { Missing, type Suite, type SuiteResult } from './suite.ts';

/** Of TLS 1.2: keys exchanged anew, and AEAD (RFC 9325, section 4.2). */
const STRONG = /^ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)$/;
const TLS13 = /^TLS_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305_SHA256)$/;

export const sslscan: Suite = {
  name: 'sslscan',
  async run(t) {
    try {
      execFileSync('sslscan', ['--version'], { stdio: 'ignore' });
    } catch {
      throw new Missing('the program sslscan is not installed (Debian: apt-get install sslscan)');
    }
    const kinds = [false, true].map((rsa) => {
      const { cert, key } = certificate({ commonName: 'localhost', names: ['DNS:localhost'], rsa });
      return { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } };
    });
    const manager = routeConfig([{ match: { prefix: '/' }, direct_response: { status: 200 } }]);
    const proxy = await startProxy(
      t,
      bootstrap([httpListener({ manager, chain: downstreamTls({ tls_certificates: kinds }) })]),
    );
    return judge(await scan(await proxy.listenerPort()));
  },
};

function scan(port: number): Promise<string> {
  const args = ['--xml=-', '--sni-name=localhost', '--show-times', `127.0.0.1:${port}`];
  return new Promise((resolve, reject) => {
    execFile('sslscan', args, { maxBuffer: 1 << 24, timeout: 120_000 }, (error, stdout) =>
      stdout === '' ? reject(error ?? new Error('sslscan said nothing')) : resolve(stdout),
    );
  });
}

/** @param xml sslscan's report */
function judge(xml: string): SuiteResult {
  const attributes = (element: string) =>
    [...xml.matchAll(new RegExp(`<${element} ([^>]*)/?>`, 'g'))].map(([, text]) =>
      Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value])),
    );
  const claims: [holds: boolean, claim: string][] = [];
  const protocols = attributes('protocol').map(({ type, version, enabled }) => ({
    name: `${type} ${version}`,
    enabled: enabled === '1',
  }));
  for (const { name, enabled } of protocols) {
    const wanted = name === 'tls 1.2' || name === 'tls 1.3';
    claims.push([enabled === wanted, `${name} is ${enabled ? 'on' : 'off'}`]);
  }
  claims.push([protocols.length >= 6, `${protocols.length} versions were tried`]);
  const ciphers = attributes('cipher');
  claims.push([ciphers.length >= 4, `${ciphers.length} suites are accepted`]);
  for (const { sslversion, cipher } of ciphers) {
    const isStrong = sslversion === 'TLSv1.3' ? TLS13.test(cipher) : STRONG.test(cipher);
    claims.push([isStrong, `${sslversion} ${cipher} is accepted`]);
  }
  for (const { supported, secure } of attributes('renegotiation')) {
    claims.push([supported === '0' || secure === '1', 'renegotiation is not secure']);
  }
  for (const { supported } of attributes('compression')) claims.push([supported === '0', 'TLS compression is on']);
  for (const { sslversion, vulnerable } of attributes('heartbleed')) {
    claims.push([vulnerable === '0', `heartbleed with ${sslversion}`]);
  }
  return {
    passed: claims.filter(([holds]) => holds).length,
    failures: claims.flatMap(([holds, claim]) => (holds ? [] : [claim])),
  };
}
