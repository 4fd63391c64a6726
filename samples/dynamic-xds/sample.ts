/**
 * Configuration on the fly, after Envoy's sandbox for dynamic configuration with a control plane.
 * https://www.envoyproxy.io/docs/envoy/latest/start/sandboxes/dynamic-configuration-control-plane
 */
import type { Sample } from '#cli/sample/sample.ts';

export const sample: Sample = {
  summary: 'a proxy that gets its listeners, routes and clusters from a management server',
  parts: [
    {
      kind: 'script',
      label: 'services',
      says: 'service1 and service2, port 8080; their names by UDP 127.0.0.1:18053',
      file: 'services',
      ports: [],
      udpPorts: [18053],
    },
    {
      kind: 'command',
      label: 'management server',
      says: 'xDS on 127.0.0.1:18000',
      args: ['xds-server', 'RESOURCES'],
      copies: 'resources',
      ports: [18000],
      shown: true,
      server: true,
    },
    {
      kind: 'proxy',
      label: 'proxy',
      says: 'admin http://localhost:19000   http://localhost:10000 once it is told',
      config: 'dynamic-xds.yaml',
      ports: [10000, 19000],
      adminPort: 19000,
      waitsForServer: true,
    },
  ],
  tries: [
    'curl http://localhost:10000',
    "curl -s localhost:19000/config_dump | jq '.configs[1].static_clusters'",
    "curl -s localhost:19000/config_dump | jq '.configs[1].dynamic_active_clusters'",
  ],
  serverTries: ['sed -i s/service1/service2/ RESOURCES/example.yaml      publishes version 2'],
};
