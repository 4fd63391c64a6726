/**
 * Which thread the system runs first where a worker's loop and the helpers of V8 (compilers, collectors of garbage) share a processor. As
 * equals, a helper that got it keeps it until the scheduler's next tick, 4 ms later, and whoever sends a request meanwhile waits for that.
 * Here a loop that wakes up takes it from a helper at once; where both have much to do the helper still gets a seventh. (Measured on one
 * processor, at half of its load: the 99th percentile 3.2 ms instead of 5.0. With helpers that interrupt nobody, SCHED_BATCH, as good, but
 * their work came later and an update of 1,000 endpoints delayed requests for longer.)
 * Follows https://man7.org/linux/man-pages/man2/sched_setattr.2.html
 */
import { readdirSync, readFileSync } from 'node:fs';

const SCHED_OTHER = 0;
/** The shortest slice that Linux gives, in nanoseconds. Shorter ones go before longer ones; before Linux 6.12 all are as long. */
const SHORT_SLICE = 100_000n;
const COMPILED_AFTER_MS = 10_000;
/** How much nicer helpers are than the loop, and the nicest that there is. */
const NICER = 8;
const NICEST = 19;
/** The numbers of sched_setattr(2) and sched_getattr(2), which the C library does not offer. */
const NUMBERS: { readonly [arch in string]?: { readonly set: number; readonly get: number } } = {
  x64: { set: 314, get: 315 },
  arm64: { set: 274, get: 275 },
};
/** The name that Node gives to V8's threads. */
const HELPER = 'node-V8Worker';

/** What sched_attr holds, and where. */
const ATTRIBUTES = { size: 48, policy: 4, nice: 16, runtime: 24 };

interface ForeignFunctions {
  dlopen(path: null, functions: object): { functions: { syscall: SystemCall } };
  getRawPointer(memory: ArrayBuffer): bigint;
}

type SystemCall = (number: bigint, thread: bigint, attributes: bigint, third: bigint, fourth: bigint) => bigint;

/** The calling thread is a loop: it goes before helpers. */
export function scheduleAsLoop(): void {
  change([0], (attributes) => attributes.setBigUint64(ATTRIBUTES.runtime, SHORT_SLICE, true));
}

/**
 * The helpers of this process give way to its loops, as soon as most of what there is to compile has been compiled: before, whatever keeps
 * the compilers waiting costs more than it saves. (Measured under full load: full speed after 4 s instead of 2 without this delay.)
 */
export function scheduleHelpersLater(): void {
  setTimeout(scheduleHelpers, COMPILED_AFTER_MS).unref();
}

/** The same at once. Each call makes them nicer. */
export function scheduleHelpers(): void {
  change(helpers(), (attributes) => {
    const nice = Math.min(attributes.getInt32(ATTRIBUTES.nice, true) + NICER, NICEST);
    attributes.setInt32(ATTRIBUTES.nice, nice, true);
  });
}

function helpers(): number[] {
  try {
    return readdirSync('/proc/self/task').filter(isHelper).map(Number);
  } catch {
    return [];
  }
}

function isHelper(thread: string): boolean {
  return readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').trim() === HELPER;
}

/** Threads that somebody has put under another policy stay as they are; so do all where the system has no such calls, or forbids them. */
function change(threads: readonly number[], edit: (attributes: DataView) => void): void {
  const numbers = process.platform === 'linux' ? NUMBERS[process.arch] : undefined;
  const ffi = process.getBuiltinModule('node:ffi' as never) as ForeignFunctions | undefined;
  if (numbers === undefined || ffi === undefined || threads.length === 0) return;
  const { syscall } = ffi.dlopen(null, {
    syscall: { return: 'i64', arguments: ['i64', 'i64', 'pointer', 'i64', 'i64'] },
  }).functions;
  const memory = new ArrayBuffer(ATTRIBUTES.size);
  const [attributes, at] = [new DataView(memory), ffi.getRawPointer(memory)];
  for (const thread of threads) {
    const got = syscall(BigInt(numbers.get), BigInt(thread), at, BigInt(ATTRIBUTES.size), 0n);
    if (got !== 0n || attributes.getUint32(ATTRIBUTES.policy, true) !== SCHED_OTHER) continue;
    edit(attributes);
    syscall(BigInt(numbers.set), BigInt(thread), at, 0n, 0n);
  }
}
