/**
 * What the subcommands of `fairlead proxy-config` share: where the configuration comes from, how it is shown, what is said of what was not
 * understood.
 * Follows https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-proxy-config
 */
import { printable } from '#base/printable.ts';
import { type DumpSource, readSource } from '#cli/dump/read-source.ts';
import type { Flag, FlagValues } from '#cli/flags.ts';
import { ConfigDump } from '#dump/config-dump.ts';
import { DumpError } from '#dump/dump-error.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import { parseJson } from '#dump/parse-json.ts';

/** One of its commands: a file in this folder, loaded when somebody calls it. */
export interface Subcommand {
  readonly flags: readonly Flag[];
  /** Lines of the help, without `fairlead proxy-config`. */
  readonly examples: readonly string[];
  /** What it needs, in the words of its error. */
  readonly needs: string;
  run(call: Call): Promise<Shown>;
}

export interface Call {
  readonly values: FlagValues;
  readonly source: DumpSource;
  readonly reader: DumpReader;
  /** Write terminal colours. */
  readonly color: boolean;
}

/** What is printed on standard output; a status other than 0 where some of it could not be shown. */
export interface Shown {
  text: string;
  status?: number;
}

export const SOURCE_FLAGS: readonly Flag[] = [
  { name: 'file', short: 'f', kind: 'text', value: 'FILE', help: 'a saved dump, - for standard input', initial: '' },
  { name: 'admin', kind: 'text', value: 'HOST:PORT', help: 'the admin address of a running proxy', initial: '' },
];

export const OUTPUT_FLAG: Flag = {
  name: 'output',
  short: 'o',
  kind: 'text',
  value: 'FORM',
  help: 'short, json or yaml',
  initial: 'short',
};

export const VERBOSE_FLAG: Flag = {
  name: 'verbose',
  kind: 'switch',
  help: 'all columns; --verbose=false for few',
  initial: true,
};

/** A flag that filters by text. */
export function textFlag(name: string, help: string, value = 'TEXT'): Flag {
  return { name, kind: 'text', value, help, initial: '' };
}

export const PORT_FLAG: Flag = { name: 'port', kind: 'number', value: 'PORT', help: 'only of this port', initial: 0 };

export const ALL = '/config_dump';
export const ALL_WITH_ENDPOINTS = '/config_dump?include_eds';

export async function readDump({ source, reader }: Call, path: string = ALL): Promise<ConfigDump> {
  return new ConfigDump(parseJson(await readSource(source, path)), reader);
}

/** @throws DumpError in istioctl's words. */
export function checkOutput(output: string): 'short' | 'json' | 'yaml' {
  if (output === 'short' || output === 'json' || output === 'yaml') return output;
  throw new DumpError(`output format ${JSON.stringify(output)} not supported`);
}

/** Resources of one type as JSON or YAML, in istioctl's form. Loads the types of Envoy's API. */
export async function renderResources(
  typeName: string,
  resources: readonly JsonObject[],
  form: 'json' | 'yaml',
  reader: DumpReader,
): Promise<string> {
  const [{ protoTree }, { messageType }] = await Promise.all([
    import('#cli/writers/proto-tree.ts'),
    import('#api/registry.ts'),
  ]);
  const type = messageType(typeName);
  const trees = resources.map((resource) => {
    const name = resource.name ?? resource.cluster_name ?? resource.clusterName;
    reader.resource = typeof name === 'string' && name !== '' ? `${type.name} '${name}'` : type.name;
    return protoTree(type, resource, (what) => reader.note(what));
  });
  if (form === 'yaml') return `${(await import('#cli/writers/yaml-text.ts')).yamlText(trees)}\n`;
  return `${(await import('#cli/writers/json-text.ts')).jsonText(trees)}\n`;
}

/** So many doubts are told. */
const SHOWN_DOUBTS = 10;

/** Warnings for standard error. */
export function renderDoubts({ doubts }: DumpReader): string {
  const lines = [...doubts].slice(0, SHOWN_DOUBTS).map((doubt) => `Warning: ${printable(doubt)}\n`);
  const more = doubts.size - SHOWN_DOUBTS;
  return `${lines.join('')}${more > 0 ? `Warning: and ${more} more like these\n` : ''}`;
}
