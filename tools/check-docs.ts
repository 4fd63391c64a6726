/**
 * Holds the documentation together: links resolve, every page is linked from an index, and every command, flag of the
 * proxy and sample is described.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { COMMANDS } from '#cli/command-table.ts';
import { PROXY_FLAGS } from '#cli/proxy-flags.ts';
import { sampleNames } from '#cli/sample/find-samples.ts';
import { report, root, type SourceFile, textFiles } from './source-files.ts';

const INDEXES = ['README.md', 'docs/README.md'];
const LINK = /\]\(([^)\s]+)\)/g;

/** @returns a line for each thing that is missing. */
export function checkDocs(pages: readonly SourceFile[]): string[] {
  const text = new Map(pages.map((page) => [page.path, page.text]));
  const indexed = new Set(INDEXES.flatMap((path) => linksOf(path, text.get(path) ?? '').map(({ target }) => target)));
  const unlinked = pages
    .filter(({ path }) => path.startsWith('docs/') && !INDEXES.includes(path) && !indexed.has(path))
    .map(({ path }) => `${path}: linked from neither ${INDEXES.join(' nor ')}`);
  return [...pages.flatMap((page) => brokenLinks(page, text)), ...unlinked];
}

/** What the program has and the pages do not name. */
export function checkMentions(pages: readonly SourceFile[]): string[] {
  const all = pages.map((page) => page.text).join('\n');
  const proxyPage = pages.find(({ path }) => path === 'docs/proxy.md')?.text ?? '';
  const samplesPage = pages.find(({ path }) => path === 'docs/samples.md')?.text ?? '';
  return [
    ...COMMANDS.filter(({ name }) => !all.includes(`fairlead ${name}`)).map(
      ({ name }) => `no page tells of 'fairlead ${name}'`,
    ),
    ...PROXY_FLAGS.filter(({ name }) => !proxyPage.includes(`\`--${name}`)).map(
      ({ name }) => `docs/proxy.md: no --${name}`,
    ),
    ...sampleNames()
      .filter((name) => !samplesPage.includes(name))
      .map((name) => `docs/samples.md: no ${name}`),
  ];
}

interface Link {
  target: string;
  anchor: string;
}

function linksOf(path: string, text: string): Link[] {
  return [...text.replace(/```[\s\S]*?```/g, '').matchAll(LINK)]
    .map((match) => match[1])
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [file, anchor = ''] = link.split('#');
      return { target: file === '' ? path : join(dirname(path), file), anchor };
    });
}

function brokenLinks(page: SourceFile, text: Map<string, string>): string[] {
  return linksOf(page.path, page.text).flatMap(({ target, anchor }) => {
    if (!text.has(target) && !existsSync(join(root, target)))
      return [`${page.path}: link to ${target}, which does not exist`];
    const there = text.get(target);
    if (anchor === '' || there === undefined || anchors(there).includes(anchor)) return [];
    return [`${page.path}: link to ${target}#${anchor}, which has no such heading`];
  });
}

/** The anchors that the headings of a page get: lower case, spaces to hyphens, punctuation gone. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

if (import.meta.main) {
  const pages = textFiles().filter(({ path }) => path.endsWith('.md'));
  report([...checkDocs(pages), ...checkMentions(pages)], `${pages.length} pages`);
}
