/**
 * What both proxies say of a bootstrap that they are only to check: real Envoy by `--mode validate`, ours by its own loading.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { extensionReaders } from '#proxy/extensions.ts';
import type { Json } from '#testing/bootstrap.ts';
import { errorsOf, loadOptions } from '#testing/load-config.ts';
import { proxyCommand } from '#testing/proxy-command.ts';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

export interface Verdict {
  /** Envoy's only complaint; empty: it accepts the bootstrap. A broken rule of a field is cut down to those words. */
  envoy: string;
  /** Ours, each as `path: message`. */
  ours: string[];
}

/** Envoy shows the message itself behind some of its words. */
const DUMP = /: goo\.gle\/debug.*$/;

export const BROKEN_RULE = 'Proto constraint validation failed';

export function verdict(t: Scope, bootstrap: Json): Verdict {
  const file = join(temporaryFolder(t), 'bootstrap.json');
  writeFileSync(file, JSON.stringify(bootstrap));
  const [command, ...first] = proxyCommand('envoy');
  const args = [...first, '--mode', 'validate', '--use-dynamic-base-id', '-l', 'critical', '-c', file];
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  const ours = errorsOf(bootstrap, loadOptions({ extensions: extensionReaders() }));
  return { envoy: status === 0 ? '' : complaint(`${stdout}${stderr}`), ours };
}

function complaint(output: string): string {
  if (output.includes(BROKEN_RULE)) return BROKEN_RULE;
  const match = /error initializing configuration '[^']*': (.*)/.exec(output);
  if (match === null) return `no words found in: ${output}`;
  return match[1].replace(DUMP, '').trim();
}

/** Whether ours says what Envoy says: nothing, or the same words somewhere. */
export function agree({ envoy, ours }: Verdict): boolean {
  if (envoy === '') return ours.length === 0;
  if (envoy === BROKEN_RULE) return ours.length > 0;
  return ours.some((error) => error.includes(envoy));
}
