/**
 * A front proxy, after Envoy's sandbox of that name: TLS in front, three services behind.
 * https://www.envoyproxy.io/docs/envoy/latest/start/sandboxes/front_proxy
 */
import type { Sample } from '#cli/sample/sample.ts';

export const sample: Sample = {
  summary: 'TLS on port 8000 in front of three services, by path and in turn',
  parts: [
    {
      kind: 'script',
      label: 'services',
      says: 'blue, green, red on 127.0.0.1:8081-8083',
      file: 'services',
      ports: [8081, 8082, 8083],
    },
    {
      kind: 'proxy',
      label: 'front proxy',
      says: 'https://localhost:8000   admin http://localhost:8001',
      config: 'front-proxy.yaml',
      ports: [8000, 8001],
      adminPort: 8001,
    },
  ],
  tries: [
    'curl -k https://localhost:8000/service/blue',
    'curl -k https://localhost:8000/service          (takes turns)',
    "curl 'localhost:8001/explain?url=https://localhost:8000/service/blue'",
  ],
  table: {
    adminPort: 8001,
    rows: [
      { label: '/service/blue', cluster: 'service_blue' },
      { label: '/service/green', cluster: 'service_green' },
      { label: '/service/red', cluster: 'service_red' },
      { label: '/service', cluster: 'service_all' },
    ],
  },
};
