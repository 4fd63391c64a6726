/**
 * JSON of a dump, with an error that says how it is broken.
 */
import { DumpError } from '#dump/dump-error.ts';

/** @throws DumpError */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  } catch (error) {
    throw new DumpError(`error unmarshalling config dump response from Envoy: ${why(text, error as Error)}`);
  }
}

function why(text: string, error: Error): string {
  if (text.trim() === '') return 'it is empty';
  const first = /\S/.exec(text)?.[0];
  if (first !== '{' && first !== '[') return 'it is no JSON';
  const place = / at position (\d+)( \(line \d+ column \d+\))?/.exec(error.message);
  // V8 names no place at the end of the text, and for short texts quotes them instead.
  const end = text.trimEnd();
  const cut = !end.endsWith(first === '{' ? '}' : ']') || /end of JSON input|Unterminated/.test(error.message);
  if (cut || Number(place?.[1] ?? 0) >= end.length) return 'unexpected end of JSON input (is it cut short?)';
  return `bad JSON${place?.[2] ?? ''}`;
}
