/**
 * The load: wrk for as much as goes, h2load for a rate that is kept.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { output } from './processes.ts';

export interface Load {
  url: string;
  seconds: number;
  connections?: number;
  headers?: string[];
  /** A Lua script for wrk. */
  script?: string;
}

/** As many requests as get through. @returns how many were answered with 2xx or 3xx. */
export async function saturate(load: Load): Promise<number> {
  const { url, seconds, connections = 64, headers = [], script } = load;
  const flags = ['-t1', `-c${connections}`, `-d${seconds}`, ...headers.flatMap((header) => ['-H', header])];
  const said = await output(['wrk', ...flags, ...(script === undefined ? [] : ['-s', script]), url]);
  const all = Number(/(\d+) requests in/.exec(said)?.[1] ?? 0);
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(said)?.[1] ?? 0);
  return all - bad;
}

/** As many requests over HTTP/2 as get through, 20 at a time on each of 16 connections. @returns how many were answered with 2xx or 3xx. */
export async function saturateHttp2(load: Pick<Load, 'url' | 'seconds'>): Promise<number> {
  const said = await output(['h2load', '-c16', '-m20', '-t1', `-D${load.seconds}`, load.url]);
  const [, good, better] = /status codes: (\d+) 2xx, (\d+) 3xx/.exec(said) ?? [];
  return Number(good ?? 0) + Number(better ?? 0);
}

/** A file that makes wrk send bodies of one MiB. */
export function megabyteScript(scope: Scope): string {
  const path = join(temporaryFolder(scope), 'post.lua');
  writeFileSync(path, "wrk.method = 'POST'\nwrk.body = string.rep('x', 1048576)\n");
  return path;
}

/** Keeps a rate on 64 connections. @returns the time that 99 of 100 requests do not exceed, in microseconds. */
export async function p99AtRate(scope: Scope, url: string, perSecond: number, seconds: number): Promise<number> {
  const log = join(temporaryFolder(scope), 'requests');
  const perClient = Math.max(1, Math.round(perSecond / 64));
  await output(['h2load', '--h1', '-c64', '-t1', `-D${seconds}`, `--rps=${perClient}`, `--log-file=${log}`, url]);
  const times = readFileSync(log, 'latin1')
    .split('\n')
    .map((line) => Number(line.split('\t')[2]))
    .filter((time) => time > 0)
    .sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN;
}
