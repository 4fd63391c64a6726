/**
 * Datagrams through a proxy, after Envoy's sandbox of that name.
 * https://www.envoyproxy.io/docs/envoy/latest/start/sandboxes/udp
 */
import type { Sample } from '#cli/sample/sample.ts';

export const sample: Sample = {
  summary: 'UDP on port 10000 in front of one service, which prints what it gets',
  parts: [
    {
      kind: 'script',
      label: 'service',
      says: 'prints what comes to UDP 127.0.0.1:5005',
      file: 'service',
      ports: [],
      udpPorts: [5005],
      shown: true,
    },
    {
      kind: 'proxy',
      label: 'proxy',
      says: 'UDP 127.0.0.1:10000   admin http://localhost:10001',
      config: 'udp.yaml',
      ports: [10001],
      udpPorts: [10000],
      adminPort: 10001,
    },
  ],
  tries: [
    'echo -n HELO | nc -4u -w1 127.0.0.1 10000',
    'echo -n OLEH | nc -4u -w1 127.0.0.1 10000',
    "curl -s 127.0.0.1:10001/stats | grep udp | grep -v '\\: 0'",
  ],
};
