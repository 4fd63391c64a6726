/**
 * One generation of the proxy taking over from the one before, without a connection refused: the new one binds the same ports (each
 * kernel socket takes part of the new connections), and only then tells the old one to stop accepting and drain.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/hot_restart
 */
import { existsSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ProxyOptions } from '#proxy/options.ts';

export class HotRestart {
  private readonly options: ProxyOptions;
  private parent: Socket | undefined = undefined;
  private server: Server | undefined = undefined;

  constructor(options: ProxyOptions) {
    this.options = options;
  }

  /** The socket of a generation; `@` stands for the abstract namespace. */
  private path(epoch: number): string {
    const { socketPath, baseId } = this.options;
    const path = `${socketPath}_fairlead_${baseId}_${epoch}`;
    return path.startsWith('@') ? `\0${path.slice(1)}` : path;
  }

  /** Connects to the generation before. @throws where it does not answer */
  async meetParent(): Promise<void> {
    const { restartEpoch, disableHotRestart, skipHotRestartOnNoParent } = this.options;
    if (disableHotRestart || restartEpoch === 0) return;
    this.parent = await new Promise<Socket | undefined>((resolve, reject) => {
      const socket = connect(this.path(restartEpoch - 1));
      socket.once('connect', () => resolve(socket));
      socket.once('error', (error) => {
        if (skipHotRestartOnNoParent) resolve(undefined);
        else
          reject(
            new Error(
              `hot restart: epoch ${restartEpoch - 1} of base id ${this.options.baseId} does not answer (${error.message}); start with --restart-epoch 0`,
            ),
          );
      });
    });
  }

  /** The ports are bound: the generation before stops accepting. Resolves when it has. */
  async relieveParent(): Promise<void> {
    const { parent } = this;
    if (parent === undefined) return;
    await new Promise<void>((resolve) => {
      parent.once('data', () => resolve());
      parent.once('close', () => resolve());
      parent.write('drain\n');
    });
    parent.destroy();
  }

  /** Hears when the next generation takes over. */
  onReplaced(replaced: () => void): void {
    if (this.options.disableHotRestart) return;
    const path = this.path(this.options.restartEpoch);
    if (!path.startsWith('\0') && existsSync(path)) unlinkSync(path);
    this.server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        replaced();
        socket.end('draining\n');
      });
    });
    this.server.on('error', () => {});
    this.server.listen(path);
    this.server.unref();
  }

  close(): void {
    this.server?.close();
  }
}
