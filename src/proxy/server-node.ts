/**
 * Who this proxy says it is, to control planes and in dumps: the bootstrap's node, what flags override, and what it can do.
 * Control planes know Envoy by its name and version, so those are what is said; build metadata says the rest.
 * Follows config.core.v3.Node.
 */
import { create } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { ENVOY_VERSION, VERSION } from '#base/version.ts';
import type { Node } from '#envoy/config/core/v3/base_pb.js';
import { registeredExtensions } from '#proxy/extensions.ts';
import type { ProxyOptions } from '#proxy/options.ts';

/** An extension that can be configured here. */
export interface NodeExtension {
  name: string;
  category: string;
  /** Full names of the messages that configure it. */
  typeUrls: string[];
}

/** @param node the bootstrap's, which flags override. */
export function serverNode(
  node: Node | undefined,
  options: Pick<ProxyOptions, 'serviceNode' | 'serviceCluster' | 'serviceZone'>,
  extensions: readonly NodeExtension[],
): Node {
  const [majorNumber, minorNumber, patch] = ENVOY_VERSION.split('.').map(Number);
  const zone = options.serviceZone || node?.locality?.zone || '';
  const locality = zone === '' ? node?.locality : { region: '', subZone: '', ...node?.locality, zone };
  return create(messageType('envoy.config.core.v3.Node'), {
    ...node,
    id: options.serviceNode || node?.id || '',
    cluster: options.serviceCluster || node?.cluster || '',
    ...(locality !== undefined && { locality: create(messageType('envoy.config.core.v3.Locality'), plain(locality)) }),
    userAgentName: 'envoy',
    userAgentVersionType: {
      case: 'userAgentBuildVersion',
      value: create(messageType('envoy.config.core.v3.BuildVersion'), {
        version: create(messageType('envoy.type.v3.SemanticVersion'), { majorNumber, minorNumber, patch }),
        metadata: {
          'build.type': 'RELEASE',
          'revision.sha': `fairlead-${VERSION}`,
          'revision.status': 'Clean',
          'ssl.version': `OpenSSL ${process.versions.openssl}`,
        },
      }),
    },
    extensions: extensions.map((extension) => create(messageType('envoy.config.core.v3.Extension'), { ...extension })),
  }) as unknown as Node;
}

/** What can be configured here. */
export function nodeExtensions(): NodeExtension[] {
  return registeredExtensions().map(({ name, category, message }) => ({
    name,
    category: `envoy.${category === 'http_filter' ? 'filters.http' : category === 'network_filter' ? 'filters.network' : category === 'listener_filter' ? 'filters.listener' : category}`,
    typeUrls: [message],
  }));
}

/** `/server_info`'s version: what tools made for Envoy read is the second part. */
export function versionText(): string {
  return `fairlead-${VERSION}/${ENVOY_VERSION}/Clean/RELEASE/OpenSSL`;
}

function plain({ region, zone, subZone }: { region: string; zone: string; subZone: string }) {
  return { region, zone, subZone };
}
