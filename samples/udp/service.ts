/**
 * The service behind the UDP proxy: it prints what it gets and answers nothing. Ends with the process that started it, when its standard
 * input closes.
 */
import { createSocket } from 'node:dgram';

const PORT = 5005;

createSocket('udp4')
  .on('message', (datagram) => process.stdout.write(`service got ${JSON.stringify(datagram.toString())}\n`))
  .bind(PORT, '127.0.0.1');

process.stdin.on('end', () => process.exit()).resume();
