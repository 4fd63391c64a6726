/**
 * Which program a test starts: `bin/fairlead proxy` of this checkout, or real Envoy.
 * FAIRLEAD_ENVOY is the path of Envoy 1.40; FAIRLEAD_PROXY replaces our own command (to test an installed package, say).
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type ProxyKind = 'fairlead' | 'envoy';

/** @returns the program and its first arguments. */
export function proxyCommand(kind: ProxyKind): string[] {
  return kind === 'envoy' ? [realEnvoy()] : ours();
}

function ours(): string[] {
  const given = process.env.FAIRLEAD_PROXY;
  return given ? given.split(' ') : [fileURLToPath(new URL('../bin/fairlead', import.meta.url)), 'proxy'];
}

function realEnvoy(): string {
  const path = process.env.FAIRLEAD_ENVOY;
  if (!path) throw new Error('this test runs real Envoy: set FAIRLEAD_ENVOY to its path (`npm test` does)');
  if (!existsSync(path)) throw new Error(`FAIRLEAD_ENVOY is '${path}', and there is no such file`);
  return path;
}
