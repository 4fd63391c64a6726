/**
 * The threads of a process, as Linux tells of them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** @returns for how many nanoseconds each thread may go on, the main thread's first; undefined where the kernel does not tell */
export function slicesOf(pid: number): (number | undefined)[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const file = `/proc/${pid}/task/${id}/sched`;
    const slice = existsSync(file) ? /^se\.slice\s*:\s*(\d+)/m.exec(readFileSync(file, 'latin1'))?.[1] : undefined;
    return slice === undefined ? undefined : Number(slice);
  });
}
