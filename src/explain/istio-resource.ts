/**
 * The Istio resource that made a part of the configuration, as its metadata tells.
 * Follows https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/ (filter_metadata.istio.config).
 */
import type { Metadata } from '#config/model/route.ts';

const KINDS: Readonly<Record<string, string>> = {
  'virtual-service': 'VirtualService',
  'destination-rule': 'DestinationRule',
  'service-entry': 'ServiceEntry',
};

/** `VirtualService default/reviews`. */
export function istioResource(metadata: Metadata): string | undefined {
  const path = Object.hasOwn(metadata, 'istio') ? metadata.istio.config : undefined;
  if (typeof path !== 'string') return undefined;
  const parts = /^\/apis\/[^/]+\/[^/]+\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path);
  if (parts === null) return path;
  const [, namespace, kind, name] = parts;
  return `${Object.hasOwn(KINDS, kind) ? KINDS[kind] : kind} ${namespace}/${name}`;
}

const POLICY = /^ns\[([^\]]+)\]-policy\[([^\]]+)\]-rule\[(\d+)\]$/;

/** The rule of an AuthorizationPolicy that a policy of Envoy's RBAC stands for. */
export function istioRule(policy: string): string | undefined {
  const parts = POLICY.exec(policy.replace(/^istio-ext-authz-.*?-(?=ns\[)/, ''));
  return parts === null ? undefined : `AuthorizationPolicy ${parts[1]}/${parts[2]}, rule ${parts[3]}`;
}
