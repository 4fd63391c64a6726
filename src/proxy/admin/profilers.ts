/**
 * Profiles of the main thread by V8, for the admin API. The inspector loads when somebody asks.
 * Follows https://chromedevtools.github.io/devtools-protocol/v8/ (Profiler, HeapProfiler).
 */
import { writeFile } from 'node:fs/promises';
import type { Session } from 'node:inspector/promises';

let session: Session | undefined;
let cpuRuns = false;
let heapRuns = false;

/** Starts the CPU profiler. @returns false when it runs already. */
export async function startCpuProfile(): Promise<boolean> {
  if (cpuRuns) return false;
  const inspector = await open();
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.start');
  cpuRuns = true;
  return true;
}

/** Ends the CPU profile and writes it, in the form that Chrome's tools open (.cpuprofile). */
export async function stopCpuProfile(path: string): Promise<void> {
  if (!cpuRuns) return;
  cpuRuns = false;
  const { profile } = await (await open()).post('Profiler.stop');
  await writeFile(path, JSON.stringify(profile));
}

/** Starts to sample allocations. @param collected keep those that were freed since. @returns false when it runs already. */
export async function startHeapProfile(collected: boolean): Promise<boolean> {
  if (heapRuns) return false;
  const inspector = await open();
  const kept = { includeObjectsCollectedByMajorGC: collected, includeObjectsCollectedByMinorGC: collected };
  await inspector.post('HeapProfiler.startSampling', kept);
  heapRuns = true;
  return true;
}

/** What was sampled so far, in the form that Chrome's tools open (.heapprofile); undefined when nothing samples. */
export async function heapProfile(): Promise<string | undefined> {
  if (!heapRuns) return undefined;
  const { profile } = await (await open()).post('HeapProfiler.getSamplingProfile');
  return JSON.stringify(profile);
}

export async function stopHeapProfile(path: string): Promise<void> {
  if (!heapRuns) return;
  heapRuns = false;
  const { profile } = await (await open()).post('HeapProfiler.stopSampling');
  await writeFile(path, JSON.stringify(profile));
}

async function open(): Promise<Session> {
  if (session === undefined) {
    const { Session } = await import('node:inspector/promises');
    session = new Session();
    session.connect();
  }
  return session;
}
