/**
 * Which upgrades of a connection a connection manager lets through, and which it takes for plain requests (RFC 9110, section 7.8).
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import { allowsUpgrade } from '#selection/allowed-upgrade.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import { compileString, type StringTest } from '#selection/match-string.ts';
import type { Headers } from '#wire/headers.ts';
import type { ConnectionOptions } from '#wire/http1/framing.ts';
import { Known } from '#wire/known-headers.ts';

export class Upgrades {
  /** By type in lower case. */
  private readonly enabled: ReadonlyMap<string, boolean>;
  private readonly ignored: readonly StringTest[];

  constructor({ upgradeConfigs, http1 }: HttpConnectionManager) {
    this.enabled = new Map(upgradeConfigs.map(({ upgradeType, enabled }) => [upgradeType, enabled]));
    this.ignored = http1.ignoreHttp11Upgrade.map(compileString);
  }

  /** Whether a request for this upgrade may go on; the route has the first word. */
  allows(type: string, route: CompiledRoute | undefined): boolean {
    return allowsUpgrade(type, route, this.enabled);
  }

  /** Takes out of a request the upgrades that are passed over: to HTTP/2, as in Envoy, and those of ignore_http_11_upgrade. */
  passOver(options: ConnectionOptions, headers: Headers): ConnectionOptions {
    const asked = headers.getKnown(Known.upgrade);
    if (asked === undefined) return { ...options, upgrade: false };
    if (asked.toLowerCase() === 'h2c') {
      headers.removeKnown(Known.upgrade);
      headers.remove('http2-settings');
      return { ...options, upgrade: false };
    }
    if (this.ignored.length === 0) return options;
    const left = asked
      .split(',')
      .map((type) => type.trim())
      .filter((type) => !this.ignored.some((ignores) => ignores(type)));
    if (left.length > 0) {
      headers.setKnown(Known.upgrade, left.join(','));
      return options;
    }
    headers.removeKnown(Known.upgrade);
    return { ...options, upgrade: false };
  }
}
