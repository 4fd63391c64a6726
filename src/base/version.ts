/**
 * What this program is called by the ones who ask: its own version, and those of what it speaks and stands on.
 */
import packageJson from '../../package.json' with { type: 'json' };

export const VERSION = packageJson.version;

/** The Envoy whose API, defaults and words Fairlead follows. */
export const ENVOY_VERSION = '1.40.0';

/** Which generations can share a hot restart: Envoy's never ours, since neither understands the other. */
export const HOT_RESTART_VERSION = 'fairlead.1';

export function versionLine(): string {
  const { node, openssl } = process.versions;
  return `fairlead  version: ${VERSION}/Envoy API ${ENVOY_VERSION}/Node ${node}/OpenSSL ${openssl}`;
}
