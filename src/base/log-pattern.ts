/**
 * Lines of the log, by a pattern in spdlog's words, as `--log-format` takes it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli#cmdoption-log-format
 * and https://github.com/gabime/spdlog/wiki/3.-Custom-formatting
 */
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/** What one line is made of. */
export interface LogRecord {
  time: Date;
  level: string;
  component: string;
  message: string;
}

type Part = string | ((record: LogRecord) => string);

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = 'January February March April May June July August September October November December'.split(' ');

const two = (value: number) => String(value).padStart(2, '0');
const three = (value: number) => String(value).padStart(3, '0');
const hour12 = (time: Date) => two(time.getHours() % 12 || 12);
const half = (time: Date) => (time.getHours() < 12 ? 'AM' : 'PM');
const clockTime = (time: Date) => `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
const usDate = (time: Date) => `${two(time.getMonth() + 1)}/${two(time.getDate())}/${two(time.getFullYear() % 100)}`;

function zone(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

const TIME_FLAGS: Readonly<Record<string, (time: Date) => string>> = {
  a: (time) => DAYS[time.getDay()].slice(0, 3),
  A: (time) => DAYS[time.getDay()],
  b: (time) => MONTHS[time.getMonth()].slice(0, 3),
  h: (time) => MONTHS[time.getMonth()].slice(0, 3),
  B: (time) => MONTHS[time.getMonth()],
  c: (time) =>
    `${DAYS[time.getDay()].slice(0, 3)} ${MONTHS[time.getMonth()].slice(0, 3)} ${time.getDate()} ${clockTime(time)} ${time.getFullYear()}`,
  C: (time) => two(time.getFullYear() % 100),
  d: (time) => two(time.getDate()),
  D: usDate,
  e: (time) => three(time.getMilliseconds()),
  E: (time) => String(Math.trunc(time.getTime() / 1000)),
  f: (time) => `${three(time.getMilliseconds())}000`,
  F: (time) => `${three(time.getMilliseconds())}000000`,
  H: (time) => two(time.getHours()),
  I: hour12,
  m: (time) => two(time.getMonth() + 1),
  M: (time) => two(time.getMinutes()),
  p: half,
  r: (time) => `${hour12(time)}:${two(time.getMinutes())}:${two(time.getSeconds())} ${half(time)}`,
  R: (time) => `${two(time.getHours())}:${two(time.getMinutes())}`,
  S: (time) => two(time.getSeconds()),
  T: clockTime,
  x: usDate,
  X: clockTime,
  Y: (time) => String(time.getFullYear()),
  z: zone,
};

const RECORD_FLAGS: Readonly<Record<string, Part>> = {
  '%': '%',
  l: ({ level }) => level,
  L: ({ level }) => level[0].toUpperCase(),
  n: ({ component }) => component,
  N: () => hostname(),
  P: () => String(process.pid),
  /** Envoy numbers threads by the system's ids; the main thread's is the process's. */
  t: () => String(process.pid + threadId),
  v: ({ message }) => message,
  /** Envoy's own: the message with line breaks and the like as two characters; and as the inside of a JSON string. */
  _: ({ message }) => escapeControls(message),
  j: ({ message }) => JSON.stringify(message).slice(1, -1),
  /** Where in the source: there is nothing to say. */
  '@': '',
  '#': '',
  '!': '',
  g: '',
  s: '',
  '^': '',
  $: '',
};

/** Line breaks, tabs, backslashes and quotes as C writes them. */
export function escapeControls(text: string): string {
  return text.replaceAll(/[\n\r\t\v\f\b\0\\"']/g, (char) => ESCAPES[char]);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\f': '\\f',
  '\b': '\\b',
  '\0': '\\0',
  '\\': '\\\\',
  '"': '\\"',
  "'": "\\'",
};

/** A function that makes lines, each with its line break. A flag that spdlog does not have stands for itself. */
export function compileLogPattern(pattern: string): (record: LogRecord) => string {
  const parts: Part[] = [];
  let last = 0;
  // Envoy's default names the line of its source; an empty pair of brackets would tell nobody anything.
  const withoutPosition = pattern.replace('[%g:%#] ', '');
  for (const match of withoutPosition.matchAll(/%([-=]?)(\d*)(!?)([A-Za-z%@#!_^$*])/gs)) {
    const [whole, align, width, , flag] = match;
    const part = partOf(flag);
    if (part === undefined) continue;
    parts.push(withoutPosition.slice(last, match.index), width === '' ? part : padded(part, align, Number(width)));
    last = match.index + whole.length;
  }
  parts.push(withoutPosition.slice(last));
  return (record) => {
    let line = '';
    for (const part of parts) line += typeof part === 'string' ? part : part(record);
    return `${line}\n`;
  };
}

function partOf(flag: string): Part | undefined {
  const ofTime = Object.hasOwn(TIME_FLAGS, flag) ? TIME_FLAGS[flag] : undefined;
  if (ofTime !== undefined) return ({ time }) => ofTime(time);
  return Object.hasOwn(RECORD_FLAGS, flag) ? RECORD_FLAGS[flag] : undefined;
}

function padded(part: Part, align: string, width: number): Part {
  return (record) => {
    const text = typeof part === 'string' ? part : part(record);
    if (align === '-') return text.padEnd(width);
    if (align === '=') return text.padStart(text.length + ((width - text.length) >> 1)).padEnd(width);
    return text.padStart(width);
  };
}
