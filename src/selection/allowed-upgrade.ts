/**
 * Whether a request for an upgrade, or a CONNECT, may go on: the route has the first word, then the connection manager.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades
 */
import type { CompiledRoute } from '#selection/compiled-route.ts';

/** @param enabled by type in lower case: what the connection manager says. */
export function allowsUpgrade(
  type: string,
  route: CompiledRoute | undefined,
  enabled: ReadonlyMap<string, boolean>,
): boolean {
  const wanted = type.toLowerCase();
  const action = route?.config.action;
  if (action?.kind === 'route') {
    const own = action.upgradeConfigs.find(({ upgradeType }) => upgradeType === wanted);
    if (own !== undefined) return own.enabled;
  }
  return enabled.get(wanted) ?? false;
}
