/**
 * A whole section of a dump as JSON or YAML, in istioctl's form: its JSON is that of Go's jsonpb.
 */
import type { SectionName } from '#dump/config-dump.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export async function renderSections(
  name: SectionName,
  section: JsonObject,
  form: 'json' | 'yaml',
  reader: DumpReader,
): Promise<string> {
  const [{ protoTree }, { messageType }] = await Promise.all([
    import('#cli/writers/proto-tree.ts'),
    import('#api/registry.ts'),
  ]);
  const tree = protoTree(messageType(`envoy.admin.v3.${name}`), section, (what) => reader.note(what));
  if (form === 'yaml') return `${(await import('#cli/writers/yaml-text.ts')).yamlText(tree)}\n`;
  return `${(await import('#cli/writers/jsonpb-text.ts')).jsonpbText(tree)}\n`;
}
