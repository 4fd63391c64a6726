/**
 * What a sample is: the parts that run, what to try, and what to watch. Each stands in samples/<name>/sample.ts.
 */

/** What samples/<name>/sample.ts exports as `sample`. */
export interface Sample {
  summary: string;
  /** They all start at once unless said, and are reported in this order. */
  parts: Part[];
  /** Commands to try, one a line. */
  tries: string[];
  /** The same, for a management server that is one of its parts; `RESOURCES` is the folder that it serves. */
  serverTries?: string[];
  /** Left out: nothing but the output of parts is shown. */
  table?: TableOf;
}

export type Part = ScriptPart | CommandPart | ProxyPart;

/** Which of the parts run: all, all but the management server, or that alone. */
export type Selection = 'all' | 'no-server' | 'only-server';

interface PartBase {
  /** A word or two: what the progress line and the log's name begin with. */
  label: string;
  /** What the progress line says once it serves. */
  says: string;
  /** All the TCP ports that it opens; they must be free before. */
  ports: number[];
  /** All its UDP ports, likewise. */
  udpPorts?: number[];
  /** It is the management server: readers may start it apart from the rest. */
  server?: boolean;
}

/** A TypeScript file of the sample, run by our own Node. It serves when all its ports accept, and its UDP ports are bound. */
export interface ScriptPart extends PartBase {
  kind: 'script';
  /** Without suffix. It must end when its standard input closes. */
  file: string;
  /** What it prints is shown, besides its errors in the log. */
  shown?: boolean;
}

/** A command of our own program. It serves when all its ports accept. */
export interface CommandPart extends PartBase {
  kind: 'command';
  /** `RESOURCES` stands for the copy of `copies`. */
  args: string[];
  /** A folder of the sample, which is copied, so that readers may change what is in it. */
  copies: string;
  shown?: boolean;
}

/** A proxy. It serves when its admin says LIVE. */
export interface ProxyPart extends PartBase {
  kind: 'proxy';
  /** The bootstrap's file. */
  config: string;
  adminPort: number;
  /** It starts after the parts before it, and says LIVE only once a management server has answered: that its admin answers is enough. */
  waitsForServer?: boolean;
}

/** The live table: a row for each cluster, read from a proxy's admin. */
export interface TableOf {
  adminPort: number;
  rows: { label: string; cluster: string }[];
}
