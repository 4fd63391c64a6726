/**
 * Envoy's `/config_dump`: its sections, and the resources in them.
 * Follows envoy.admin.v3.ConfigDump and https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--config_dump
 */
import { DumpError, NOT_THERE } from '#dump/dump-error.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import { isObject } from '#dump/dump-reader.ts';

const ADMIN = 'type.googleapis.com/envoy.admin.v3.';
const SECTIONS = [
  ...['BootstrapConfigDump', 'ClustersConfigDump', 'EndpointsConfigDump', 'ListenersConfigDump'],
  ...['ScopedRoutesConfigDump', 'RoutesConfigDump', 'SecretsConfigDump', 'EcdsConfigDump'],
] as const;
export type SectionName = (typeof SECTIONS)[number];

/** What `/config_dump?resource=x` lists one by one: by the message of an entry, the section and the list where it stands otherwise. */
const ENTRIES: Readonly<Record<string, [section: SectionName, list: string]>> = {
  'ListenersConfigDump.StaticListener': ['ListenersConfigDump', 'static_listeners'],
  'ListenersConfigDump.DynamicListener': ['ListenersConfigDump', 'dynamic_listeners'],
  'ClustersConfigDump.StaticCluster': ['ClustersConfigDump', 'static_clusters'],
  'ClustersConfigDump.DynamicCluster': ['ClustersConfigDump', 'dynamic_active_clusters'],
  'RoutesConfigDump.StaticRouteConfig': ['RoutesConfigDump', 'static_route_configs'],
  'RoutesConfigDump.DynamicRouteConfig': ['RoutesConfigDump', 'dynamic_route_configs'],
  'EndpointsConfigDump.StaticEndpointConfig': ['EndpointsConfigDump', 'static_endpoint_configs'],
  'EndpointsConfigDump.DynamicEndpointConfig': ['EndpointsConfigDump', 'dynamic_endpoint_configs'],
  'SecretsConfigDump.DynamicSecret': ['SecretsConfigDump', 'dynamic_active_secrets'],
  'EcdsConfigDump.EcdsFilterConfig': ['EcdsConfigDump', 'ecds_filters'],
};

export class ConfigDump {
  readonly reader: DumpReader;
  readonly #sections = new Map<SectionName, JsonObject[]>();

  /**
   * @param root the dump's JSON.
   * @throws DumpError where it is no config dump.
   */
  constructor(root: unknown, reader: DumpReader) {
    this.reader = reader;
    const configs = isObject(root) ? root.configs : undefined;
    if (!Array.isArray(configs))
      throw new DumpError(`error unmarshalling config dump response from Envoy: ${whatElse(root)}`);
    for (const config of configs) this.#add(config);
  }

  /** All of its kind: a dump that was cut in parts may have several. Empty where there is none. */
  sections(name: SectionName): readonly JsonObject[] {
    return this.#sections.get(name) ?? [];
  }

  /** @throws DumpError where there is none, in istioctl's words. */
  needed(name: SectionName): readonly JsonObject[] {
    const sections = this.sections(name);
    if (sections.length === 0) throw new DumpError(`config dump has no configuration type ${ADMIN}${name}`, NOT_THERE);
    return sections;
  }

  get listeners(): JsonObject[] {
    const { reader } = this;
    return this.needed('ListenersConfigDump').flatMap((section) => [
      ...this.#resources(section, 'dynamic_listeners', 'listener', (entry) => reader.object(entry, 'active_state')),
      ...this.#resources(section, 'static_listeners', 'listener'),
    ]);
  }

  get clusters(): JsonObject[] {
    return this.needed('ClustersConfigDump').flatMap((section) => [
      ...this.#resources(section, 'dynamic_active_clusters', 'cluster'),
      ...this.#resources(section, 'static_clusters', 'cluster'),
    ]);
  }

  get routes(): JsonObject[] {
    return this.needed('RoutesConfigDump').flatMap((section) => [
      ...this.#resources(section, 'dynamic_route_configs', 'route_config'),
      ...this.#resources(section, 'static_route_configs', 'route_config'),
    ]);
  }

  get endpoints(): JsonObject[] {
    return this.needed('EndpointsConfigDump').flatMap((section) => [
      ...this.#resources(section, 'dynamic_endpoint_configs', 'endpoint_config'),
      ...this.#resources(section, 'static_endpoint_configs', 'endpoint_config'),
    ]);
  }

  get extensionConfigs(): JsonObject[] {
    return this.needed('EcdsConfigDump').flatMap((section) => this.#resources(section, 'ecds_filters', 'ecds_filter'));
  }

  #resources(
    section: JsonObject,
    list: string,
    name: string,
    state: (entry: JsonObject) => JsonObject | undefined = (entry) => entry,
  ): JsonObject[] {
    this.reader.resource = list;
    const found = this.reader.objects(section, list).map((entry) => this.reader.object(state(entry), name));
    this.reader.resource = '';
    return found.filter((resource) => resource !== undefined);
  }

  #add(config: unknown): void {
    const type = isObject(config) ? config['@type'] : undefined;
    if (!isObject(config) || typeof type !== 'string') {
      this.reader.note('a section of the dump has no @type');
      return;
    }
    const name = type.startsWith(ADMIN) ? type.slice(ADMIN.length) : '';
    const entry = Object.hasOwn(ENTRIES, name) ? ENTRIES[name] : undefined;
    if (entry !== undefined) this.#section(entry[0]).push({ [entry[1]]: [config] });
    else if (isSection(name)) this.#section(name).push(config);
    else this.reader.note(`section ${type} is not known`);
  }

  #section(name: SectionName): JsonObject[] {
    const sections = this.#sections.get(name) ?? [];
    this.#sections.set(name, sections);
    return sections;
  }
}

function isSection(name: string): name is SectionName {
  return (SECTIONS as readonly string[]).includes(name);
}

function whatElse(root: unknown): string {
  if (isObject(root) && Array.isArray(root.cluster_statuses ?? root.clusterStatuses))
    return 'this is what /clusters?format=json says, which only the endpoints command reads';
  if (isObject(root) && (root.static_resources ?? root.staticResources) !== undefined)
    return "this is a bootstrap, not the /config_dump of a proxy that runs it ('fairlead explain -c' reads bootstraps)";
  return "it has no list 'configs'";
}
