/** Asks a proxy's admin API. Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin. */
import { request } from 'node:http';

export interface AdminAnswer {
  status: number;
  body: string;
}

export class AdminClient {
  readonly address: string;

  /** @param address `host:port`. */
  constructor(address: string) {
    this.address = address;
  }

  /** @returns what a GET of the path answers. */
  get(path: string): Promise<AdminAnswer> {
    return this.#ask('GET', path);
  }

  /** @returns what a POST to the path answers. */
  post(path: string): Promise<AdminAnswer> {
    return this.#ask('POST', path);
  }

  /** @returns every counter and gauge whose name matches. */
  async stats(filter = ''): Promise<Record<string, number>> {
    const { body } = await this.get(
      `/stats?format=json${filter === '' ? '' : `&filter=${encodeURIComponent(filter)}`}`,
    );
    const found: Record<string, number> = {};
    for (const stat of (JSON.parse(body) as { stats: { name?: string; value?: unknown }[] }).stats) {
      if (stat.name !== undefined && typeof stat.value === 'number') found[stat.name] = stat.value;
    }
    return found;
  }

  /** @returns the port that a listener is bound to: of the first one where no name is given. */
  async listenerPort(name?: string): Promise<number | undefined> {
    const { body } = await this.get('/listeners?format=json');
    const { listener_statuses: all = [] } = JSON.parse(body) as ListenerStatuses;
    const found = name === undefined ? all[0] : all.find((listener) => listener.name === name);
    return found?.local_address.socket_address?.port_value;
  }

  #ask(method: string, path: string): Promise<AdminAnswer> {
    const [host, port] = this.address.split(/:(?=\d+$)/);
    return new Promise((resolve, reject) => {
      const asked = request({ host, port: Number(port), method, path, agent: false, timeout: 10_000 }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() }));
      });
      asked.on('timeout', () => asked.destroy(new Error(`admin ${path}: no answer in 10 s`)));
      asked.on('error', reject);
      asked.end();
    });
  }
}

interface ListenerStatuses {
  listener_statuses?: { name: string; local_address: { socket_address?: { port_value: number } } }[];
}
