/**
 * Renders docs/compatibility.md: what of Envoy's API is accepted, accepted without effect, refused, or not read at all, as the readers
 * themselves declare it. A part between two marks is written by hand and stays.
 */
import type { DescMessage } from '@bufbuild/protobuf';
import { apiRegistry, messageType } from '#api/registry.ts';
import type { SupportDeclaration } from '#config/read/support.ts';

const BY_HAND = '<!-- By hand from here: tools/compatibility.ts keeps it. -->';
const GENERATED = '<!-- Written by tools/compatibility.ts from here: do not edit. -->';

/** What the code says of itself. */
export interface Support {
  declarations: readonly SupportDeclaration[];
  /** Full names of the messages that registered extensions are configured by. */
  registered: readonly string[];
}

/** @param present the page as it is, for the part that is written by hand. */
export function compatibilityPage(present: string, { declarations, registered }: Support): string {
  const accepted = new Set([...declarations.map(({ typeName }) => typeName), ...registered]);
  const messages = topLevelMessages();
  return [
    '# Compatibility with Envoy 1.40',
    '',
    'Whatever a bootstrap says is honoured, or refused by name with its place; nothing is accepted and ignored. What only tunes a part that',
    'has no counterpart here is accepted with a warning. This page is what the readers declare (`tools/node tools/compatibility.ts` writes',
    'it, a test holds it to the code): [known differences](#known-differences), then [extensions](#extensions), then',
    '[fields](#fields) message by message, then [what nothing reads yet](#not-read-yet).',
    '',
    BY_HAND,
    keptByHand(present),
    GENERATED,
    '',
    ...extensionTable(messages, accepted),
    ...fieldTables(declarations),
    ...notReadYet(messages, accepted),
  ]
    .join('\n')
    .replace(/\n*$/, '\n');
}

function keptByHand(page: string): string {
  const from = page.indexOf(BY_HAND);
  const to = page.indexOf(GENERATED);
  return from === -1 || to === -1 ? '\n## Known differences\n' : page.slice(from + BY_HAND.length + 1, to - 1);
}

function topLevelMessages(): DescMessage[] {
  const found: DescMessage[] = [];
  for (const type of apiRegistry()) {
    if (type.kind === 'message' && type.parent === undefined && type.typeName.startsWith('envoy.')) found.push(type);
  }
  return found.sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
}

/** One line for each package of extensions. */
function extensionTable(messages: readonly DescMessage[], accepted: ReadonlySet<string>): string[] {
  const prefix = 'envoy.extensions.';
  const packages = Map.groupBy(
    messages.filter(({ typeName }) => typeName.startsWith(prefix)),
    ({ file }) => file.proto.package.slice(prefix.length),
  );
  const lines = [...packages].map(([name, types]) => {
    const [yes, no] = [true, false].map((wanted) =>
      types.filter(({ typeName }) => accepted.has(typeName) === wanted).map((type) => `\`${type.name}\``),
    );
    const state = yes.length === 0 ? 'not yet' : 'accepted';
    return `| \`${name}\` | ${state} | ${yes.join(', ')} | ${no.join(', ')} |`;
  });
  return [
    '## Extensions',
    '',
    'By package under `envoy.extensions`; an extension goes by the type of its `typed_config`.',
    '',
    '| Package | | Messages read | Messages not read |',
    '|---|---|---|---|',
    ...lines,
    '',
  ];
}

function fieldTables(declarations: readonly SupportDeclaration[]): string[] {
  const sorted = [...declarations].sort((a, b) => (heading(a) < heading(b) ? -1 : 1));
  return [
    '## Fields',
    '',
    'For each message that is read: the fields that are honoured, then the others. A field that is refused without a reason is not there yet.',
    '',
    ...sorted.flatMap(messageFields),
  ];
}

function heading({ typeName, where }: SupportDeclaration): string {
  return where === '' ? typeName : `${typeName} (${where})`;
}

function messageFields(declaration: SupportDeclaration): string[] {
  const { typeName, honoured, withoutEffect, refused } = declaration;
  const rows = messageType(typeName)
    .fields.map(({ name }) => name)
    .filter((name) => !honoured.includes(name))
    .map((name) =>
      name in withoutEffect
        ? `| \`${name}\` | no effect | ${withoutEffect[name]} |`
        : `| \`${name}\` | refused | ${refused[name] ?? ''} |`,
    );
  return [
    `### ${heading(declaration)}`,
    '',
    honoured.length === 0 ? 'Accepted: it has no fields that count.' : `Accepted: ${honoured.map(code).join(', ')}`,
    '',
    ...(rows.length === 0 ? [] : ['| Field | | Why |', '|---|---|---|', ...rows, '']),
  ];
}

function notReadYet(messages: readonly DescMessage[], accepted: ReadonlySet<string>): string[] {
  const prefixes = ['envoy.config.', 'envoy.type.'];
  const unread = Map.groupBy(
    messages.filter(
      ({ typeName }) => prefixes.some((prefix) => typeName.startsWith(prefix)) && !accepted.has(typeName),
    ),
    ({ file }) => file.proto.package,
  );
  return [
    '## Not read yet',
    '',
    'Messages of the core API that stand only in fields that are refused, or that are plain enough to be read with the message they stand in.',
    '',
    '| Package | Messages |',
    '|---|---|',
    ...[...unread].map(([name, types]) => `| \`${name}\` | ${types.map((type) => code(type.name)).join(', ')} |`),
  ];
}

function code(name: string): string {
  return `\`${name}\``;
}
