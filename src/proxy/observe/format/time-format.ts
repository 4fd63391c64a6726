/**
 * Times as text, by the conversions of strftime and those that Envoy adds: `%s`, `%f`, `%3f`, `%E3S`, `%Ez` and so on.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage (START_TIME) and
 * https://en.cppreference.com/w/cpp/io/manip/put_time
 */
import { toByteText } from '#proxy/observe/format/byte-text.ts';

/** A time taken apart in its zone. */
interface Moment {
  /** The wall clock's reading as if it were UTC. */
  date: Date;
  /** Minutes east of UTC. */
  offset: number;
  /** `UTC`, `CET`. */
  zone: string;
  epochSeconds: number;
  /** Of the second: 0 to 999,999,999. */
  nanoseconds: number;
}

type Conversion = (moment: Moment) => string;

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const conversions: { readonly [letter: string]: Conversion } = {
  '%': () => '%',
  a: ({ date }) => DAYS[date.getUTCDay()].slice(0, 3),
  A: ({ date }) => DAYS[date.getUTCDay()],
  b: ({ date }) => MONTHS[date.getUTCMonth()].slice(0, 3),
  B: ({ date }) => MONTHS[date.getUTCMonth()],
  c: (moment) => composed(moment, 'a b e T Y', ' '),
  C: ({ date }) => pad(Math.floor(date.getUTCFullYear() / 100)),
  d: ({ date }) => pad(date.getUTCDate()),
  D: (moment) => composed(moment, 'm d y', '/'),
  e: ({ date }) => pad(date.getUTCDate(), 2, ' '),
  F: (moment) => composed(moment, 'Y m d', '-'),
  g: ({ date }) => pad(isoWeek(date).year % 100),
  G: ({ date }) => String(isoWeek(date).year),
  h: ({ date }) => MONTHS[date.getUTCMonth()].slice(0, 3),
  H: ({ date }) => pad(date.getUTCHours()),
  I: ({ date }) => pad(hour12(date)),
  j: ({ date }) => pad(dayOfYear(date) + 1, 3),
  k: ({ date }) => pad(date.getUTCHours(), 2, ' '),
  l: ({ date }) => pad(hour12(date), 2, ' '),
  m: ({ date }) => pad(date.getUTCMonth() + 1),
  M: ({ date }) => pad(date.getUTCMinutes()),
  p: ({ date }) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  P: ({ date }) => (date.getUTCHours() < 12 ? 'am' : 'pm'),
  r: (moment) => `${composed(moment, 'I M S', ':')} ${conversions.p(moment)}`,
  R: (moment) => composed(moment, 'H M', ':'),
  s: ({ epochSeconds }) => String(epochSeconds),
  S: ({ date }) => pad(date.getUTCSeconds()),
  t: () => '\t',
  T: (moment) => composed(moment, 'H M S', ':'),
  u: ({ date }) => String(date.getUTCDay() || 7),
  U: ({ date }) => pad(Math.floor((dayOfYear(date) + 7 - date.getUTCDay()) / 7)),
  V: ({ date }) => pad(isoWeek(date).week),
  w: ({ date }) => String(date.getUTCDay()),
  W: ({ date }) => pad(Math.floor((dayOfYear(date) + 7 - ((date.getUTCDay() + 6) % 7)) / 7)),
  x: (moment) => composed(moment, 'm d y', '/'),
  X: (moment) => composed(moment, 'H M S', ':'),
  y: ({ date }) => pad(date.getUTCFullYear() % 100),
  Y: ({ date }) => String(date.getUTCFullYear()),
  z: ({ offset }) => offsetText(offset, ''),
  Z: ({ zone }) => zone,
};

/** A conversion as it may be written; the rest of a format is text. */
const CONVERSION =
  /%(?:([1-9])?f|E(\*|[0-9]{1,4})([SfYz])|(:{1,3}|E)z|E(T)|([-_0^#]*)([1-9][0-9]{0,2})?[EO]?([A-Za-z%]))/g;
/** Milliseconds since the epoch are exact to a quarter of a microsecond. */
const SLACK = 0.25;
/** Digits of a fraction that may be asked for. */
const DIGITS_LIMIT = 1024;

/**
 * Compiles a time format. The text of the last millisecond is kept, since many streams begin in the same one.
 * @returns a writer of milliseconds since the epoch
 */
export function compileTimeFormat(format: string, zone: 'utc' | 'local'): (time: number) => string {
  if (format === '' && zone === 'utc') return eachMillisecond((time) => new Date(time).toISOString());
  const parts = parseTimeFormat(format === '' ? '%Y-%m-%dT%H:%M:%E3S%z' : format);
  const write = (time: number): string => {
    const moment = zone === 'utc' ? utcMoment(time) : localMoment(time);
    let text = '';
    for (const part of parts) text += typeof part === 'string' ? part : part(moment);
    return text;
  };
  return /%[4-9]?f|%E(?:\*|[4-9]|[0-9]{2,})/.test(format) ? write : eachMillisecond(write);
}

function eachMillisecond(write: (time: number) => string): (time: number) => string {
  let last = Number.NaN;
  let text = '';
  return (time) => {
    const millisecond = Math.floor(time);
    if (millisecond !== last) {
      text = write(millisecond);
      last = millisecond;
    }
    return text;
  };
}

function parseTimeFormat(format: string): (string | Conversion)[] {
  const parts: (string | Conversion)[] = [];
  let at = 0;
  for (const match of format.matchAll(CONVERSION)) {
    if (match.index > at) parts.push(toByteText(format.slice(at, match.index)));
    parts.push(conversionOf(match));
    at = match.index + match[0].length;
  }
  if (at < format.length) parts.push(toByteText(format.slice(at)));
  return parts;
}

function conversionOf(match: RegExpMatchArray): string | Conversion {
  const [whole, digits, precision, precise, zone, separator, flags, width, letter] = match;
  if (letter !== undefined) {
    if (!Object.hasOwn(conversions, letter)) return whole;
    return flags === '' && width === undefined ? conversions[letter] : adjusted(letter, flags, Number(width ?? 0));
  }
  if (precise !== undefined) return preciseConversion(precise, precision) ?? whole;
  if (separator !== undefined) return separator;
  if (zone === '::') return ({ offset }) => `${offsetText(offset, ':')}:00`;
  if (zone === ':::') return ({ offset }) => offsetText(offset, ':').replace(/:00$/, '');
  if (zone !== undefined) return ({ offset }) => offsetText(offset, ':');
  return fraction(digits === undefined ? 9 : Number(digits));
}

/** The C library's flags: `-` no padding, `_` blanks, `0` zeros, `^` upper case, `#` the other case; and a least width. */
function adjusted(letter: string, flags: string, width: number): Conversion {
  const convert = conversions[letter];
  return (moment) => {
    let text = convert(moment);
    const numeric = /^[ +-]?[0-9]+$/.test(text);
    if (flags.includes('^')) text = text.toUpperCase();
    if (flags.includes('#')) text = letter === 'p' || letter === 'Z' ? text.toLowerCase() : text.toUpperCase();
    if (numeric && flags.includes('-')) return text.replace(/^[ 0]+(?=[0-9])/, '');
    if (numeric && flags.includes('_')) text = text.replace(/^0+(?=[0-9])/, (zeros) => ' '.repeat(zeros.length));
    if (numeric && flags.includes('0')) text = text.replace(/^ +/, (blanks) => '0'.repeat(blanks.length));
    return text.padStart(width, (numeric && !flags.includes('_')) || flags.includes('0') ? '0' : ' ');
  };
}

/** `%E3S`, `%E*S`, `%E3f`, `%E*f`, `%E4Y`, `%E*z`. */
function preciseConversion(letter: string, precision: string): Conversion | undefined {
  if (precision !== '*' && Number(precision) > DIGITS_LIMIT) return undefined;
  if (letter === 'Y') return ({ date }) => pad(date.getUTCFullYear(), Number(precision));
  if (letter === 'z') return precision === '*' ? ({ offset }) => `${offsetText(offset, ':')}:00` : undefined;
  const digits = precision === '*' ? fullFraction : fraction(Number(precision));
  if (letter === 'f') return (moment) => digits(moment) || '0';
  return (moment) => {
    const text = digits(moment);
    return text === '' ? conversions.S(moment) : `${conversions.S(moment)}.${text}`;
  };
}

/** The first `digits` digits of the fraction of a second, cut off. */
function fraction(digits: number): Conversion {
  return ({ nanoseconds }) => pad(nanoseconds, 9).padEnd(digits, '0').slice(0, digits);
}

/** All digits of the fraction that matter. */
function fullFraction({ nanoseconds }: Moment): string {
  return pad(nanoseconds, 9).replace(/0+$/, '');
}

function utcMoment(time: number): Moment {
  return moment(time, 0, 'UTC');
}

function localMoment(time: number): Moment {
  const offset = -new Date(time).getTimezoneOffset();
  const name = new Date(time).toLocaleTimeString('en-US', { timeZoneName: 'short' }).split(' ').pop() ?? '';
  return moment(time, offset, name);
}

function moment(time: number, offset: number, zone: string): Moment {
  const epochSeconds = Math.floor(time / 1000);
  return {
    date: new Date(Math.floor(time) + offset * 60_000),
    offset,
    zone,
    epochSeconds,
    nanoseconds: Math.min(Math.floor((time - epochSeconds * 1000) * 1_000 + SLACK), 999_999) * 1_000,
  };
}

function composed(moment: Moment, letters: string, separator: string): string {
  return letters
    .split(' ')
    .map((letter) => conversions[letter](moment))
    .join(separator);
}

function offsetText(offset: number, separator: string): string {
  const minutes = Math.abs(offset);
  return `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}${separator}${pad(minutes % 60)}`;
}

function hour12(date: Date): number {
  return date.getUTCHours() % 12 || 12;
}

/** Counts from 0. */
function dayOfYear(date: Date): number {
  const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
  return (midnight - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000;
}

/** The week of ISO 8601: it belongs to the year that its Thursday is in. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getTime());
  thursday.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  return { year: thursday.getUTCFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function pad(value: number, width = 2, fill = '0'): string {
  return String(value).padStart(width, fill);
}
