/**
 * What two config dumps have that the other has not, resource by resource.
 * Follows envoy.admin.v3.ConfigDump.
 */
import { compareJson, type Difference, pairs } from '#cli/diff/compare-json.ts';
import type { ConfigDump, SectionName } from '#dump/config-dump.ts';
import type { JsonObject } from '#dump/dump-reader.ts';

export type ResourceKind = 'bootstrap' | 'listeners' | 'routes' | 'clusters' | 'endpoints' | 'secrets' | 'ecds';

export interface KindDifference {
  kind: ResourceKind;
  added: string[];
  removed: string[];
  changed: { name: string; fields: Difference[] }[];
}

interface Kind {
  kind: ResourceKind;
  section: SectionName;
  /** Names with what is compared. */
  resources(dump: ConfigDump): [name: string, resource: JsonObject][];
}

const named = (resources: readonly JsonObject[], field = 'name'): [string, JsonObject][] =>
  resources.map((resource) => [String(resource[field] ?? ''), resource]);

const KINDS: readonly Kind[] = [
  { kind: 'bootstrap', section: 'BootstrapConfigDump', resources: bootstrapOf },
  { kind: 'listeners', section: 'ListenersConfigDump', resources: (dump) => named(dump.listeners) },
  { kind: 'routes', section: 'RoutesConfigDump', resources: (dump) => named(dump.routes) },
  { kind: 'clusters', section: 'ClustersConfigDump', resources: (dump) => named(dump.clusters) },
  { kind: 'endpoints', section: 'EndpointsConfigDump', resources: (dump) => named(dump.endpoints, 'cluster_name') },
  { kind: 'secrets', section: 'SecretsConfigDump', resources: secretsOf },
  { kind: 'ecds', section: 'EcdsConfigDump', resources: (dump) => named(dump.extensionConfigs) },
];

/** Kinds without a difference are left out; so are times and versions, which differ between any two dumps. */
export function compareDumps(before: ConfigDump, after: ConfigDump): KindDifference[] {
  return KINDS.map(({ kind, section, resources }) => {
    const [left, right] = [before, after].map((dump) => (dump.sections(section).length === 0 ? [] : resources(dump)));
    return compareKind(kind, left, right);
  }).filter(({ added, removed, changed }) => added.length + removed.length + changed.length > 0);
}

function compareKind(
  kind: ResourceKind,
  before: [string, JsonObject][],
  after: [string, JsonObject][],
): KindDifference {
  const found: KindDifference = { kind, added: [], removed: [], changed: [] };
  for (const { key, left, right } of pairs(before, after, ([name]) => name)) {
    if (left === undefined) found.added.push(key);
    else if (right === undefined) found.removed.push(key);
    else {
      const fields = compareJson(left[1], right[1]);
      if (fields.length > 0) found.changed.push({ name: key, fields });
    }
  }
  return found;
}

/** Static resources stand in sections of their own; what a binary was built with is no configuration. */
function bootstrapOf(dump: ConfigDump): [string, JsonObject][] {
  return dump.sections('BootstrapConfigDump').map((section) => {
    const { static_resources: _, node, ...rest } = dump.reader.object(section, 'bootstrap') ?? {};
    const { extensions: __, ...about } = (node ?? {}) as JsonObject;
    return ['', { ...rest, node: about }];
  });
}

function secretsOf(dump: ConfigDump): [string, JsonObject][] {
  const { reader } = dump;
  return dump.sections('SecretsConfigDump').flatMap((section) =>
    ['static_secrets', 'dynamic_active_secrets'].flatMap((list) =>
      reader.objects(section, list).map((entry): [string, JsonObject] => {
        const name = reader.text(entry, 'name') || reader.text(reader.object(entry, 'secret'), 'name');
        return [name, reader.object(entry, 'secret') ?? {}];
      }),
    ),
  );
}
