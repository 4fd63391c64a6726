/**
 * Writes docs/compatibility.md from what the readers of the configuration declare; with `--check` only says whether it is up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { supportDeclarations } from '#config/read/support.ts';
import { registeredExtensions } from '#proxy/extensions.ts';
import { compatibilityPage } from './compatibility-page.ts';
import { codeFiles, root, textFiles } from './source-files.ts';

const PAGE = join(root, 'docs/compatibility.md');

/** The page as it is, and as it should be. */
export async function comparePages(): Promise<{ present: string; wanted: string }> {
  await loadReaders();
  const present = readPage();
  const registered = registeredExtensions().flatMap(({ message, perRouteMessage = message }) => [
    message,
    perRouteMessage,
  ]);
  return { present, wanted: compatibilityPage(present, { declarations: supportDeclarations(), registered }) };
}

/** Whatever declares fields is a module that says so when it is loaded. */
async function loadReaders(): Promise<void> {
  const readers = codeFiles(textFiles()).filter(
    ({ path, text }) => path.startsWith('src/') && !path.endsWith('.test.ts') && /\bhonours\(/.test(text),
  );
  for (const { path } of readers) await import(join(root, path));
}

function readPage(): string {
  try {
    return readFileSync(PAGE, 'utf8');
  } catch {
    return '';
  }
}

if (import.meta.main) {
  const { present, wanted } = await comparePages();
  if (process.argv.includes('--check')) {
    if (present !== wanted) {
      console.error('docs/compatibility.md is not what the code says: run tools/node tools/compatibility.ts');
      process.exitCode = 1;
    }
  } else {
    writeFileSync(PAGE, wanted);
  }
}
