/** Which priority each attempt at a request goes to, where retries leave out those that were tried: ours and real Envoy. */
import type { Socket } from 'node:net';
import {
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  socketAddress,
  staticCluster,
  typed,
} from '#testing/bootstrap.ts';
import { alike, type TcpUpstream } from './compare-tcp.ts';

const NAMES = ['a', 'b', 'c'];

const fails = (socket: Socket): void =>
  void socket.on('data', () => socket.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'));

function retried(update_frequency: number): Json {
  const retry_priority = {
    name: 'envoy.retry_priorities.previous_priorities',
    typed_config: typed('extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig', {
      update_frequency,
    }),
  };
  const retry_back_off = { base_interval: '0.001s', max_interval: '0.001s' };
  return { retry_on: '5xx', num_retries: 7, retry_priority, retry_back_off };
}

/** The attempts that each had, by their numbers. */
function attempts(upstreams: Record<string, TcpUpstream>): string {
  const of = (name: string) =>
    upstreams[name].received
      .flatMap((text) => [...text.matchAll(/x-envoy-attempt-count: (\d+)/g)].map(([, number]) => Number(number)))
      .sort((a, b) => a - b);
  return NAMES.map((name) => `${name}: ${of(name)}`).join(', ');
}

for (const frequency of [1, 2, 3]) {
  alike(`retries go to other priorities, looked at after each ${frequency}`, {
    upstreams: Object.fromEntries(NAMES.map((name) => [name, fails])),
    bootstrap(ports) {
      const endpoints = NAMES.map((name, priority) => ({
        priority,
        lb_endpoints: [{ endpoint: { address: socketAddress(ports[name]) } }],
      }));
      const manager = routeConfig(
        [{ match: { prefix: '/' }, route: { cluster: 'c', retry_policy: retried(frequency) } }],
        { include_request_attempt_count: true },
      );
      const cluster = staticCluster('c', [], { load_assignment: { cluster_name: 'c', endpoints } });
      return bootstrap([httpListener({ manager })], [cluster]);
    },
    async run({ connect, upstreams, note }) {
      const wire = await connect();
      await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      note(String((await wire.response()).status));
      note(attempts(upstreams));
    },
    stats: /cluster\.c\.upstream_rq_retry/,
  });
}
