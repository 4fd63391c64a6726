/**
 * The threads of a process, as Linux tells of them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface ThreadState {
  name: string;
  /** From -20 to 19: the nicer, the less it gets of a processor that others want. */
  nice: number;
  /** How long it may go on, in nanoseconds; undefined where the kernel does not tell. */
  slice: number | undefined;
}

/** Follows https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
export function threadsOf(pid: number): ThreadState[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const read = (file: string) => readFileSync(`/proc/${pid}/task/${id}/${file}`, 'latin1');
    const stat = read('stat');
    const [nameBegins, nameEnds] = [stat.indexOf('('), stat.lastIndexOf(')')];
    const slice = existsSync(`/proc/${pid}/task/${id}/sched`)
      ? /^se\.slice\s*:\s*(\d+)/m.exec(read('sched'))?.[1]
      : undefined;
    return {
      name: stat.slice(nameBegins + 1, nameEnds),
      // The name is the second field, this one the 19th.
      nice: Number(stat.slice(nameEnds + 2).split(' ')[19 - 3]),
      slice: slice === undefined ? undefined : Number(slice),
    };
  });
}
