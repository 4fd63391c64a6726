/**
 * The program's own log: one logger for each component, with a level of its own, as Envoy has them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli#cmdoption-l
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { compileLogPattern, escapeControls } from '#base/log-pattern.ts';

/** From the most talkative to silence. */
const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const;

export type LogLevel = (typeof LEVELS)[number];

/** How a process or thread logs; plain data, so that threads can be given it. */
export interface LoggingOptions {
  /** By component. */
  levels: { [component: string]: LogLevel };
  /** A file; standard error without it. */
  path?: string;
  /** spdlog's pattern. */
  format: string;
  /** Line breaks inside of a message are written as two characters. */
  escaped: boolean;
}

type Message = string | (() => string);

const STDERR = 2;
const loggers = new Map<string, Logger>();
let fd = STDERR;
let path: string | undefined;
let escaped = false;
let line = compileLogPattern('[%Y-%m-%d %T.%e][%t][%l][%n] %v');

/** One component's. A message that costs something to make is given as a function: it is called only where the level lets it through. */
export class Logger {
  readonly component: string;
  /** Index of the lowest level that is written. */
  threshold = 2;

  constructor(component: string) {
    this.component = component;
  }

  trace(message: Message): void {
    if (this.threshold <= 0) this.write(0, message);
  }

  debug(message: Message): void {
    if (this.threshold <= 1) this.write(1, message);
  }

  info(message: Message): void {
    if (this.threshold <= 2) this.write(2, message);
  }

  warning(message: Message): void {
    if (this.threshold <= 3) this.write(3, message);
  }

  error(message: Message): void {
    if (this.threshold <= 4) this.write(4, message);
  }

  critical(message: Message): void {
    if (this.threshold <= 5) this.write(5, message);
  }

  private write(level: number, message: Message): void {
    const text = typeof message === 'string' ? message : message();
    const record = {
      time: new Date(),
      level: LEVELS[level],
      component: this.component,
      message: escaped ? escapeControls(text) : text,
    };
    try {
      writeSync(fd, line(record));
    } catch {
      // A full disk or a reader that left: the program goes on without this line.
    }
  }
}

/** The logger of a component: the same one each time. */
export function logger(component: string): Logger {
  let found = loggers.get(component);
  if (found === undefined) {
    found = new Logger(component);
    loggers.set(component, found);
  }
  return found;
}

/** @param component undefined: every one. */
export function setLogLevel(component: string | undefined, level: LogLevel): void {
  const threshold = LEVELS.indexOf(level);
  if (component !== undefined) logger(component).threshold = threshold;
  else for (const each of loggers.values()) each.threshold = threshold;
}

/** Every component that a level was given for, in that order, and its level now. */
export function levels(): [component: string, level: LogLevel][] {
  return [...loggers.values()].map(({ component, threshold }) => [component, LEVELS[threshold]]);
}

/** @throws where the file cannot be opened: Envoy's words. */
export function configureLogging(options: LoggingOptions): void {
  const configured = Object.entries(options.levels).map(([component, level]) => {
    const each = logger(component);
    each.threshold = LEVELS.indexOf(level);
    return each;
  });
  loggers.clear();
  for (const each of configured) loggers.set(each.component, each);
  escaped = options.escaped;
  line = compileLogPattern(options.format);
  path = options.path;
  reopenLog();
}

/** Opens the log's file again: somebody moved the old one away. */
export function reopenLog(): void {
  if (path === undefined) return;
  let opened: number;
  try {
    opened = openSync(path, 'a', 0o644);
  } catch {
    throw new Error(`Failed to open log-file '${path}'`);
  }
  if (fd !== STDERR) closeSync(fd);
  fd = opened;
}
