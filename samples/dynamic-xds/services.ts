/**
 * Two services, which answer with the request that they saw, and the names of the sample. Ends with the process that started it, when its
 * standard input closes.
 */
import { createSocket } from 'node:dgram';
import { createServer, type IncomingMessage } from 'node:http';
import dnsPacket from 'dns-packet';

const PORT = 8080;
const DNS_PORT = 18053;
const ADDRESSES: Record<string, string> = { 'xds-server': '127.0.0.1', service1: '127.1.0.1', service2: '127.1.0.2' };

for (const name of ['service1', 'service2']) {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(`Request served by ${name}\n\n${asSeen(request)}`);
    request.resume();
  });
  server.keepAliveTimeout = 0;
  server.listen(PORT, ADDRESSES[name]);
}

function asSeen({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`, ''];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return `${lines.join('\n')}\n`;
}

const names = createSocket('udp4');
names.on('message', (message, { port, address }) => {
  const { id, questions = [] } = dnsPacket.decode(message);
  const data = ADDRESSES[questions[0]?.name.toLowerCase() ?? ''];
  const answers =
    data && questions[0].type === 'A' ? [{ type: 'A', name: questions[0].name, ttl: 5, data } as const] : [];
  const flags = data === undefined ? NO_SUCH_NAME : 0;
  names.send(dnsPacket.encode({ id, type: 'response', flags, questions, answers }), port, address);
});
names.bind(DNS_PORT, '127.0.0.1');

/** The response code NXDOMAIN (RFC 1035, section 4.1.1). */
const NO_SUCH_NAME = 3;

process.stdin.on('end', () => process.exit()).resume();
