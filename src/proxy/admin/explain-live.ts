/**
 * `/explain`: where a request would go, by the configuration that runs, what came by xDS included.
 */
import type { Message } from '@bufbuild/protobuf';
import { redact } from '#api/redact.ts';
import { messageType } from '#api/registry.ts';
import type { Address } from '#config/model/address.ts';
import type { NamedMessage } from '#explain/dump/dump-resources.ts';
import type { AdminContext, ExplainAnswer, ExplainQuery, ResourceKind } from '#proxy/admin/context.ts';
import { RuntimeView } from '#selection/runtime-view.ts';

/**
 * What explains is loaded when somebody first asks: a proxy that nobody asks does without.
 * @param bound the addresses that listeners are bound to, by name.
 */
export async function explainLive(
  { config, clusters, runtime }: Pick<AdminContext, 'config' | 'clusters' | 'runtime'>,
  query: ExplainQuery,
  bound: ReadonlyMap<string, Address[]>,
): Promise<ExplainAnswer> {
  const [{ explain }, { renderExplanation }, { DumpConfiguration }, { resourcesOfMessages }] = await Promise.all([
    import('#explain/explain.ts'),
    import('#explain/render-explanation.ts'),
    import('#explain/dump/dump-configuration.ts'),
    import('#explain/dump/dump-resources.ts'),
  ]);
  const [{ extensionReaders }, { assignmentsByService }] = await Promise.all([
    import('#proxy/extensions.ts'),
    import('#proxy/admin/endpoints-section.ts'),
  ]);
  const of = (kind: ResourceKind) => running(config.resources(kind));
  const resources = resourcesOfMessages({
    bootstrap: config.bootstrap().message,
    listeners: of('listener').map(redacted('envoy.config.listener.v3.Listener')),
    // Those that stand in a connection manager are not asked for by name.
    routeTables: running(config.resources('route').filter(({ state }) => state !== 'static')),
    clusters: of('cluster'),
    assignments: assignmentsByService(clusters()),
  });
  const view = new RuntimeView(runtime.snapshot);
  const configuration = new DumpConfiguration({ resources, extensions: extensionReaders(), runtime: view, bound });
  const explanation = explain(configuration, query);
  return { text: renderExplanation(explanation, { color: false }), json: explanation };
}

/** What serves: neither what still warms nor what goes away. */
function running(resources: ReturnType<AdminContext['config']['resources']>): NamedMessage[] {
  return resources.flatMap(({ name, message, state }) =>
    message !== undefined && (state === 'static' || state === 'active') ? [{ name, message }] : [],
  );
}

/** Keys are no part of an explanation. */
function redacted(typeName: string): (named: NamedMessage) => NamedMessage {
  const type = messageType(typeName);
  return ({ name, message }) => ({ name, message: redact(type, message) as Message });
}
