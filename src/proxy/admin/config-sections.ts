/**
 * The parts of /config_dump as trees, in Envoy's order. Secrets are hidden before anything is a tree.
 * Follows admin.v3.ConfigDump.
 */
import type { Message } from '@bufbuild/protobuf';
import { toTree } from '#api/encode.ts';
import { redact } from '#api/redact.ts';
import { messageType } from '#api/registry.ts';
import type { AdminContext, ConfigResource, ResourceKind, UpdateError } from '#proxy/admin/context.ts';
import { endpointsSection } from '#proxy/admin/endpoints-section.ts';
import type { Tree } from '#proxy/admin/field-mask.ts';

/** One part of the dump: the name of its message, and its fields. */
export interface ConfigSection {
  type: string;
  fields: Tree;
}

export interface SectionOptions {
  includeEds: boolean;
  /** Whether a resource of this name is to be shown. */
  named: (name: string) => boolean;
}

export function configSections(context: AdminContext, { includeEds, named }: SectionOptions): ConfigSection[] {
  const { config } = context;
  const of = (kind: ResourceKind) => config.resources(kind).filter((resource) => named(resource.name));
  return [
    { type: 'envoy.admin.v3.BootstrapConfigDump', fields: bootstrapFields(context) },
    { type: 'envoy.admin.v3.ClustersConfigDump', fields: clustersFields(of('cluster'), config.versionInfo('cluster')) },
    ...extensionSections(of('extension')),
    ...(includeEds ? [endpointsSection(context.clusters().filter((cluster) => named(cluster.name)))] : []),
    {
      type: 'envoy.admin.v3.ListenersConfigDump',
      fields: listenersFields(of('listener'), config.versionInfo('listener')),
    },
    { type: 'envoy.admin.v3.ScopedRoutesConfigDump', fields: scopedRoutesFields(of('scoped_route')) },
    { type: 'envoy.admin.v3.RoutesConfigDump', fields: routesFields(of('route')) },
    { type: 'envoy.admin.v3.SecretsConfigDump', fields: secretsFields(of('secret')) },
  ];
}

function bootstrapFields({ config }: AdminContext): Tree {
  const { message, lastUpdated } = config.bootstrap();
  const type = messageType('envoy.config.bootstrap.v3.Bootstrap');
  return { bootstrap: toTree(type, redact(type, message)), last_updated: timeText(lastUpdated) };
}

const CLUSTER = 'envoy.config.cluster.v3.Cluster';

function clustersFields(clusters: ConfigResource[], version: string): Tree {
  const dynamic = (state: string) =>
    clusters
      .filter((one) => one.state === state)
      .map((one) => ({
        ...versioned(one),
        ...content(one, 'cluster', CLUSTER),
        ...updated(one),
        ...failed(one, CLUSTER),
      }));
  return filled({
    version_info: version,
    static_clusters: inState(clusters, 'static').map((one) => ({
      ...content(one, 'cluster', CLUSTER),
      ...updated(one),
    })),
    dynamic_active_clusters: dynamic('active'),
    dynamic_warming_clusters: dynamic('warming'),
  });
}

const LISTENER = 'envoy.config.listener.v3.Listener';

function listenersFields(listeners: ConfigResource[], version: string): Tree {
  return filled({
    version_info: version,
    static_listeners: inState(listeners, 'static').map((one) => ({
      ...content(one, 'listener', LISTENER),
      ...updated(one),
    })),
    dynamic_listeners: dynamicListeners(listeners.filter((one) => one.state !== 'static')),
  });
}

/** A dynamic listener may be there several times: serving, being replaced, going away. */
function dynamicListeners(listeners: ConfigResource[]): Tree[] {
  const byName = new Map<string, Tree>();
  for (const one of listeners) {
    const entry = byName.get(one.name) ?? { name: one.name };
    byName.set(one.name, entry);
    if (one.message !== undefined)
      entry[`${one.state}_state`] = { ...versioned(one), ...content(one, 'listener', LISTENER), ...updated(one) };
    Object.assign(entry, failed(one, LISTENER));
  }
  return [...byName.values()];
}

const EXTENSION = 'envoy.config.core.v3.TypedExtensionConfig';

/** One for each kind of filters whose configurations are fetched, in the order of the kinds' names. */
function extensionSections(extensions: ConfigResource[]): ConfigSection[] {
  const groups = [...new Set(extensions.map(({ group }) => group))].sort();
  return groups.map((group) => {
    const filters = extensions
      .filter((one) => one.group === group)
      .map((one) => ({
        ...versioned(one),
        ...content(one, 'ecds_filter', EXTENSION),
        ...updated(one),
        ...failed(one, EXTENSION),
      }));
    return { type: 'envoy.admin.v3.EcdsConfigDump', fields: { ecds_filters: filters } };
  });
}

const ROUTES = 'envoy.config.route.v3.RouteConfiguration';

function routesFields(routes: ConfigResource[]): Tree {
  return filled({
    static_route_configs: inState(routes, 'static').map((one) => ({
      ...content(one, 'route_config', ROUTES),
      ...updated(one),
    })),
    dynamic_route_configs: routes
      .filter((one) => one.state !== 'static')
      .map((one) => ({
        ...versioned(one),
        ...content(one, 'route_config', ROUTES),
        ...updated(one),
        ...failed(one, ROUTES),
      })),
  });
}

const SCOPE = 'envoy.config.route.v3.ScopedRouteConfiguration';

function scopedRoutesFields(scopes: ConfigResource[]): Tree {
  const group = (one: ConfigResource) => ({
    name: one.name,
    ...versioned(one),
    scoped_route_configs: (one.messages ?? []).map((message) => packed(SCOPE, message)),
    ...updated(one),
  });
  return filled({
    inline_scoped_route_configs: inState(scopes, 'static').map(group),
    dynamic_scoped_route_configs: scopes.filter((one) => one.state !== 'static').map(group),
  });
}

const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';

function secretsFields(secrets: ConfigResource[]): Tree {
  const dump = (one: ConfigResource) => ({
    name: one.name,
    ...versioned(one),
    ...updated(one),
    ...content(one, 'secret', SECRET),
    ...failed(one, SECRET),
  });
  return filled({
    static_secrets: inState(secrets, 'static').map(dump),
    dynamic_active_secrets: inState(secrets, 'active').map(dump),
    dynamic_warming_secrets: inState(secrets, 'warming').map(dump),
  });
}

function inState(resources: ConfigResource[], state: ConfigResource['state']): ConfigResource[] {
  return resources.filter((one) => one.state === state);
}

function versioned({ versionInfo }: ConfigResource): Tree {
  return versionInfo ? { version_info: versionInfo } : {};
}

function updated({ lastUpdated }: ConfigResource): Tree {
  return lastUpdated === undefined ? {} : { last_updated: timeText(lastUpdated) };
}

function content({ message }: ConfigResource, field: string, typeName: string): Tree {
  return message === undefined ? {} : { [field]: packed(typeName, message) };
}

/** Follows admin.v3.UpdateFailureState. */
function failed({ error }: ConfigResource, typeName: string): Tree {
  return error === undefined ? {} : { error_state: errorTree(error, typeName) };
}

function errorTree(
  { failedConfiguration, lastUpdateAttempt, details, versionInfo }: UpdateError,
  typeName: string,
): Tree {
  return {
    ...(failedConfiguration !== undefined && { failed_configuration: packed(typeName, failedConfiguration) }),
    last_update_attempt: timeText(lastUpdateAttempt),
    details,
    ...(versionInfo !== '' && { version_info: versionInfo }),
  };
}

/** The message as it stands in an Any. */
function packed(typeName: string, message: Message): Tree {
  const type = messageType(typeName);
  return { '@type': `type.googleapis.com/${typeName}`, ...toTree(type, redact(type, message)) };
}

/** Without texts and lists that are empty. */
function filled(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => (value as string | unknown[]).length > 0));
}

/** `2026-01-01T00:00:00.123Z`; a whole second has no fraction. */
export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
