/**
 * One generation of the proxy taking over from the one before without a connection lost: the new one is handed the very sockets that the old
 * one listens on, and only when it accepts from them it tells the old one to stop and drain.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/hot_restart
 */
import { chmodSync, existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { logger } from '#base/logger.ts';
import type { ProxyOptions } from '#proxy/options.ts';
import { HandleChannel, type PassedSocket } from '#proxy/transport/handle-channel.ts';

/** A socket that a generation listens on. */
export interface ListeningSocket extends PassedSocket {
  listener: string;
  /** As Envoy writes it. */
  address: string;
}

/** What the generation before has to give up. */
interface Replaced {
  sockets(): ListeningSocket[];
  /** The next generation starts, and wants the admin port. */
  onAdminWanted(): void;
  /** The next generation accepts. */
  onReplaced(): void;
}

export class HotRestart {
  private readonly options: ProxyOptions;
  private parent: HandleChannel | undefined = undefined;
  private server: Server | undefined = undefined;
  private baseId: number;
  private answered: (line: string, socket: PassedSocket | undefined) => void = () => {};

  constructor(options: ProxyOptions) {
    this.options = options;
    this.baseId = options.baseId;
  }

  /** The socket of a generation; `@` stands for the abstract namespace. */
  private path(epoch: number): string {
    const { socketPath } = this.options;
    const path = `${socketPath}_fairlead_${this.baseId}_${epoch}`;
    return path.startsWith('@') ? `\0${path.slice(1)}` : path;
  }

  /** Connects to the generation before, and has it give up its admin port. @throws where it does not answer */
  async meetParent(): Promise<void> {
    const { restartEpoch, disableHotRestart, skipHotRestartOnNoParent } = this.options;
    await this.settleBaseId();
    if (disableHotRestart || restartEpoch === 0) return;
    const before = restartEpoch - 1;
    try {
      this.parent = await HandleChannel.connect(this.path(before));
    } catch (error) {
      if (skipHotRestartOnNoParent) return;
      const words = `hot restart: epoch ${before} of base id ${this.baseId} does not answer`;
      throw new Error(`${words} (${(error as Error).message}); start with --restart-epoch 0`);
    }
    this.parent.onLine = (line, socket) => this.answered(line, socket);
    this.parent.onClose = () => this.answered('[]', undefined);
    await this.ask('admin');
  }

  /** @returns the sockets that the generation before listens on */
  async takeSockets(): Promise<ListeningSocket[]> {
    if (this.parent === undefined) return [];
    const names = JSON.parse((await this.ask('sockets')).line) as Omit<ListeningSocket, 'fd'>[];
    const sockets: ListeningSocket[] = [];
    for (const [i, name] of names.entries()) {
      const { socket } = await this.ask(`socket ${i}`);
      if (socket !== undefined) sockets.push({ ...name, ...socket });
    }
    return sockets;
  }

  /** `--use-dynamic-base-id`: the first that nobody uses; `--base-id-path` is told. */
  private async settleBaseId(): Promise<void> {
    const { useDynamicBaseId, restartEpoch, baseIdPath } = this.options;
    if (useDynamicBaseId && restartEpoch === 0) {
      this.baseId = 0;
      while (await answers(this.path(0))) this.baseId++;
    }
    if (baseIdPath !== undefined) writeFileSync(baseIdPath, String(this.baseId));
  }

  private ask(line: string): Promise<{ line: string; socket: PassedSocket | undefined }> {
    return new Promise((resolve) => {
      this.answered = (answer, socket) => resolve({ line: answer, socket });
      this.parent?.send(line);
    });
  }

  /** This generation accepts: the one before stops. Resolves when it has. */
  async relieveParent(): Promise<void> {
    if (this.parent === undefined) return;
    await this.ask('drain');
    this.parent.close();
  }

  /** Hears when the next generation takes over. */
  serve(replaced: Replaced): void {
    if (this.options.disableHotRestart) return;
    const path = this.path(this.options.restartEpoch);
    if (!path.startsWith('\0') && existsSync(path)) unlinkSync(path);
    this.server = createServer({ pauseOnConnect: true }, (accepted) => {
      const channel = HandleChannel.accepted(accepted);
      let sockets: ListeningSocket[] = [];
      channel.onLine = (line) => {
        const [word, number] = line.split(' ');
        if (word === 'sockets') {
          sockets = replaced.sockets();
          channel.send(JSON.stringify(sockets.map(({ listener, address, kind }) => ({ listener, address, kind }))));
        } else if (word === 'socket') channel.send(line, sockets[Number(number)]);
        else if (word === 'admin') {
          replaced.onAdminWanted();
          channel.send('closed');
        } else if (word === 'drain') {
          replaced.onReplaced();
          channel.send('draining');
        }
      };
    });
    this.server.on('error', ({ message }) => {
      const words = `no generation can follow this one: ${message}; is base id ${this.baseId} in use (see --base-id)?`;
      logger('main').warning(`hot restart: ${words}`);
    });
    this.server.listen(path, () => {
      if (!path.startsWith('\0')) chmodSync(path, this.options.socketMode);
    });
    this.server.unref();
  }

  close(): void {
    this.server?.close();
  }
}

async function answers(path: string): Promise<boolean> {
  try {
    (await HandleChannel.connect(path)).close();
    return true;
  } catch {
    return false;
  }
}
