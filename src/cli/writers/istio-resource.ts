/**
 * The Istio resource that made a route or a cluster, as its metadata tells.
 * Follows https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/ (filter_metadata.istio.config).
 */
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

const PATH = /^\/apis\/networking\.istio\.io\/v1(?:alpha3|beta1)?\/namespaces\/([^/]*)\/[^/]*\/([^/]*)$/;

/** `NAME.NAMESPACE`; empty where the metadata names none. */
export function istioResource(resource: JsonObject, reader: DumpReader): string {
  const metadata = reader.object(reader.object(resource, 'metadata'), 'filter_metadata');
  const istio = reader.object(metadata, 'istio');
  if (!reader.has(istio, 'config')) return '';
  const found = PATH.exec(reader.text(istio, 'config'));
  return found === null ? '<unknown>' : `${found[2]}.${found[1]}`;
}
