/**
 * Headers added and removed at each level: weighted cluster, route, virtual host, route table. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers
 */
import type { HeaderToAdd } from '#config/model/header-mutation.ts';
import type { WeightedCluster } from '#config/model/route.ts';
import type { ExplainedHeaders } from '#explain/explained-headers.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';

/** Fills a format string; `empty`, nothing unless said, stands for an operator that has nothing to say. */
export type FillFormat = (format: string, empty?: string) => string;

export function mutateRequestHeaders(
  headers: ExplainedHeaders,
  route: CompiledRoute,
  weighted: WeightedCluster | undefined,
  fill: FillFormat,
): void {
  for (const level of levelsOf(route, weighted)) apply(headers, level.requestAdd, level.requestRemove, fill);
}

export function mutateResponseHeaders(
  headers: ExplainedHeaders,
  route: CompiledRoute,
  weighted: WeightedCluster | undefined,
  fill: FillFormat,
): void {
  for (const level of levelsOf(route, weighted)) apply(headers, level.responseAdd, level.responseRemove, fill);
}

/** In the order in which they apply: the later ones have the last word. */
function levelsOf({ config, virtualHost }: CompiledRoute, weighted: WeightedCluster | undefined) {
  const { table } = virtualHost;
  const outer = [config.headers, virtualHost.config.headers, table.config.headers];
  if (table.config.mostSpecificHeaderMutationsWins) outer.reverse();
  // A weighted cluster's come first whatever the order of the others.
  const levels = [weighted?.headers, ...outer];
  return levels.filter((level) => level !== undefined);
}

/** What a level removes goes first; values are made of the headers as they are then, before any is set. */
function apply(
  headers: ExplainedHeaders,
  add: readonly HeaderToAdd[],
  remove: readonly string[],
  fill: FillFormat,
): void {
  for (const name of remove) headers.remove(name);
  const overwritten: [string, string][] = [];
  const added: [string, string][] = [];
  for (const { name, value: format, action, keepEmptyValue } of add) {
    const value = fill(format);
    if (value === '' && !keepEmptyValue) continue;
    const there = headers.has(name);
    if (action === 'OVERWRITE_IF_EXISTS_OR_ADD' || (action === 'OVERWRITE_IF_EXISTS' && there))
      overwritten.push([name, value]);
    else if (action === 'APPEND_IF_EXISTS_OR_ADD' || (action === 'ADD_IF_ABSENT' && !there)) added.push([name, value]);
  }
  for (const [name, value] of overwritten) {
    headers.remove(name);
    headers.add(name, value);
  }
  for (const [name, value] of added) headers.add(name, value);
}
