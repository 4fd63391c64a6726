/**
 * The three services behind the front proxy, in one process. Each answers every request with its colour, the path and
 * the request id that the proxy gave it. Ends with the process that started it, when its standard input closes.
 */
import { createServer } from 'node:http';

const SERVICES = { blue: 8081, green: 8082, red: 8083 };

for (const [colour, port] of Object.entries(SERVICES)) {
  const server = createServer((request, response) => {
    const id = request.headers['x-request-id'] ?? 'none';
    response.setHeader('content-type', 'text/plain');
    response.end(`Hello from ${colour}: ${request.method} ${request.url}\nrequest id ${id}\n`);
    request.resume();
  });
  // The proxy keeps its connections; it, not the service, ends them.
  server.keepAliveTimeout = 0;
  server.listen(port, '127.0.0.1');
}

process.stdin.on('end', () => process.exit()).resume();
