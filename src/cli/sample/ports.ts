/**
 * Asks ports of this machine whether they are free, and whether something serves there.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 10;

/** @returns those of the ports that somebody holds. A proxy would share them silently, by SO_REUSEPORT. */
export async function portsInUse(ports: readonly number[]): Promise<number[]> {
  const taken = await Promise.all(ports.map(inUse));
  return ports.filter((_, index) => taken[index]);
}

function inUse(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(true));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(false)));
  });
}

/** @returns those of the UDP ports that somebody holds. */
export async function udpPortsInUse(ports: readonly number[]): Promise<number[]> {
  const taken = await Promise.all(ports.map(udpInUse));
  return ports.filter((_, index) => taken[index]);
}

async function udpInUse(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(socket, 'listening');
    return false;
  } catch {
    return true;
  } finally {
    socket.close();
  }
}

/** Resolves when every UDP port is held. */
export async function udpPortsBound(ports: readonly number[], signal: AbortSignal): Promise<void> {
  await Promise.all(ports.map((port) => until(() => udpInUse(port), signal)));
}

/** Resolves when every port accepts connections. */
export async function portsAccept(ports: readonly number[], signal: AbortSignal): Promise<void> {
  await Promise.all(ports.map((port) => until(() => accepts(port), signal)));
}

/** Resolves when a proxy's admin says that it serves. */
export async function adminIsLive(port: number, signal: AbortSignal): Promise<void> {
  await until(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/ready`, { signal }).catch(() => undefined);
    return (await response?.text())?.trim() === 'LIVE';
  }, signal);
}

/** Resolves when a proxy's admin answers, whatever it says. */
export async function adminAnswers(port: number, signal: AbortSignal): Promise<void> {
  await until(
    async () => (await fetch(`http://127.0.0.1:${port}/ready`, { signal }).catch(() => undefined)) !== undefined,
    signal,
  );
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Asks again and again; rejects when the signal aborts. */
async function until(holds: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await holds())) await sleep(EVERY_MS, undefined, { signal });
}
