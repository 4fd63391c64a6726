/** Real Redis servers for tests, on ports that the system chooses, with nothing on disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { RespReader } from '#wire/redis/resp-reader.ts';
import { encodeCommand } from '#wire/redis/resp-value.ts';

/** @param more further arguments. @returns its port */
export async function startRedis(t: Scope, more: string[] = []): Promise<number> {
  const port = await freePort();
  const folder = temporaryFolder(t);
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', [...args, ...more], { stdio: 'ignore' });
  t.after(async () => {
    const exited = once(child, 'exit');
    if (child.kill('SIGKILL')) await exited;
  });
  await eventually('redis answers', async () => {
    const client = new RedisTestClient(port);
    try {
      return /^[+-]/.test((await client.ask(['PING'])) ?? '');
    } catch {
      return false;
    } finally {
      client.close();
    }
  });
  return port;
}

/** A client that sends what it is told, and gives answers as they came. */
export class RedisTestClient {
  readonly socket: Socket;
  private readonly reader = new RespReader(false);
  private readonly replies: string[] = [];
  private ended = false;
  private failed: Error | undefined = undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (bytes) => {
      this.reader.push(bytes as Buffer);
      for (let reply = this.reader.next(); reply !== undefined; reply = this.reader.next())
        this.replies.push(reply.toString('latin1'));
    });
    this.socket.on('error', (error) => {
      this.failed = error;
    });
    this.socket.on('close', () => {
      this.ended = true;
    });
  }

  /** @returns the answer to one command */
  async ask(args: (string | Buffer)[]): Promise<string | undefined> {
    this.send(encodeCommand(args));
    return (await this.answers(1))[0];
  }

  send(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** @returns the next so many answers; fewer where the connection ends, with `<end>` behind them */
  async answers(count: number): Promise<string[]> {
    await eventually(`${count} answers`, () => this.replies.length >= count || this.ended);
    if (this.failed !== undefined && this.replies.length === 0) throw this.failed;
    const answers = this.replies.splice(0, count);
    return answers.length < count ? [...answers, '<end>'] : answers;
  }

  close(): void {
    this.socket.destroy();
  }
}
