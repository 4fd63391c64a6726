/**
 * Asks a proxy's admin API.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin
 */
import { DumpError } from '#dump/dump-error.ts';

const TIMEOUT_MS = 10_000;
/** A string in V8 holds half a gigabyte. */
const MOST_BYTES = 500 * 2 ** 20;

export interface AdminAddress {
  host: string;
  port: number;
}

/** `HOST:PORT`, `[::1]:PORT`, with `http://` before it or not; a port alone is of this machine. @throws DumpError */
export function parseAdminAddress(text: string): AdminAddress {
  const parts = /^(?:http:\/\/)?(?:(\[[^\]]+\]|[^:/[\]]*):)?(\d{1,5})\/?$/.exec(text);
  const port = Number(parts?.[2] ?? 0);
  if (parts === null || port < 1 || port > 65_535)
    throw new DumpError(`--admin '${text}' is not of the form HOST:PORT`);
  return { host: (parts[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1', port };
}

/** @returns the answer's body. @throws DumpError where there is none, or it is an error. */
export async function askAdmin(address: string, path: string, method: 'GET' | 'POST' = 'GET'): Promise<string> {
  const { host, port } = parseAdminAddress(address);
  const { request } = await import('node:http');
  return await new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new DumpError(`${address}${path}: ${why}`));
    const asked = request({ host, port, path, method, timeout: TIMEOUT_MS, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MOST_BYTES) asked.destroy(new Error(`the answer has more than ${MOST_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', (error) => fail(error.message));
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(body);
        else fail(`status ${response.statusCode}: ${body.trim().slice(0, 200)}`);
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer for ${TIMEOUT_MS / 1000} s`)));
    asked.on('error', (error) => fail(error.message));
    asked.end();
  });
}
