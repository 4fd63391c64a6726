/**
 * Where a dump comes from: a file, standard input, or the admin API of a running proxy.
 */
import { readFileSync } from 'node:fs';
import { DumpError } from '#dump/dump-error.ts';

export type DumpSource = { file: string } | { admin: string };

/** @param path what to ask an admin API for. @throws DumpError */
export async function readSource(source: DumpSource, path: string): Promise<string> {
  if ('admin' in source) return await (await import('#cli/dump/fetch-admin.ts')).askAdmin(source.admin, path);
  try {
    return readFileSync(source.file === '-' ? 0 : source.file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const words: Record<string, string> = {
      ENOENT: 'no such file or directory',
      EACCES: 'permission denied',
      EISDIR: 'is a directory',
    };
    throw new DumpError(`open ${source.file}: ${words[code ?? ''] ?? message}`);
  }
}
