/**
 * Programs written in Go that the suites run: one version each, installed into .cache/ by the Go toolchain of the machine.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Missing } from './suite.ts';

const folder = join(import.meta.dirname, '..', '..', '.cache', 'go');

/**
 * Installs a program where it is not there yet.
 * @param name such as `github.com/summerwind/h2spec/cmd/h2spec`
 * @returns its path
 * @throws Missing
 */
export function goProgram(name: string, version: string): string {
  const bin = join(folder, version);
  const path = join(bin, basename(name));
  if (existsSync(path)) return path;
  const go = ['go', '/usr/local/go/bin/go'].find((candidate) => spawnSync(candidate, ['version']).status === 0);
  if (go === undefined) throw new Missing(`${name} needs Go: install it from https://go.dev/dl/ or as golang-go`);
  const env = { ...process.env, GOBIN: bin, GOFLAGS: '-mod=mod' };
  const { status, stderr } = spawnSync(go, ['install', `${name}@${version}`], { env, encoding: 'utf8' });
  if (status !== 0) throw new Missing(`go install ${name}@${version} failed:\n${stderr}`);
  return path;
}
