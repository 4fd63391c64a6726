/**
 * Gives memory back that Node holds for nothing: it reads the whole startup snapshot into memory of its own and keeps it for as long as it
 * runs, though only a further context would ask for it again. Here the same bytes are mapped from a file over that memory: they are there
 * for whoever looks, and take no room while nobody does. (Measured: 8 MB of 80.)
 * Follows https://man7.org/linux/man-pages/man2/mmap.2.html
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';

/** The unit of memory that is mapped, in bytes. tools/build-snapshot.ts makes a file of those that a process holds of the snapshot. */
export const PAGE = 4096;

const READ_ONLY_WRITABLE_COPY = 3;
const PRIVATE_FIXED = 0x12;
const CHUNK = 256 * 1024;

/** The part of Node's `node:ffi` that is used here. */
interface ForeignFunctions {
  dlopen(
    path: string,
    functions: object,
  ): {
    functions: {
      mmap(at: bigint, length: bigint, protection: number, flags: number, fd: number, offset: bigint): bigint;
    };
  };
}

/**
 * Maps `file` over the memory that holds the same bytes. Does nothing where there is no such file or memory, or no `node:ffi`.
 * @returns how many bytes take no room any more.
 */
export function mapSnapshotPages(file: string): number {
  const ffi = process.getBuiltinModule('node:ffi' as never) as ForeignFunctions | undefined;
  if (ffi === undefined || process.platform !== 'linux') return 0;
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return 0;
  }
  try {
    const { size } = fstatSync(fd);
    const at = size === 0 ? undefined : findPages(fd, size);
    if (at === undefined) return 0;
    const libc = ffi.dlopen('libc.so.6', {
      mmap: { return: 'pointer', arguments: ['pointer', 'u64', 'i32', 'i32', 'i32', 'i64'] },
    });
    const mapped = libc.functions.mmap(at, BigInt(size), READ_ONLY_WRITABLE_COPY, PRIVATE_FIXED, fd, 0n);
    return mapped === at ? size : 0;
  } finally {
    closeSync(fd);
  }
}

/** Where this process holds the bytes of the file, on a page's boundary. Memory is read as a file: what is gone meanwhile is an error, no fault. */
function findPages(fd: number, size: number): bigint | undefined {
  const memory = openSync('/proc/self/mem', 'r');
  const beginning = Buffer.alloc(64);
  readSync(fd, beginning, 0, beginning.length, 0);
  const there = Buffer.alloc(beginning.length);
  try {
    for (const { start, length } of anonymousMemory(readFileSync('/proc/self/maps', 'utf8'), size)) {
      for (let offset = 0; offset + size <= length; offset += PAGE) {
        const at = start + BigInt(offset);
        readSync(memory, there, 0, there.length, at);
        if (there.equals(beginning) && same(memory, at, fd, size)) return at;
      }
    }
  } catch {
    return undefined;
  } finally {
    closeSync(memory);
  }
  return undefined;
}

function same(memory: number, at: bigint, fd: number, size: number): boolean {
  const [here, wanted] = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)];
  for (let offset = 0; offset < size; offset += CHUNK) {
    const count = Math.min(CHUNK, size - offset);
    if (readSync(memory, here, 0, count, at + BigInt(offset)) < count) return false;
    if (readSync(fd, wanted, 0, count, offset) < count) return false;
    if (here.compare(wanted, 0, count, 0, count) !== 0) return false;
  }
  return true;
}

/** @returns the writable memory without a file in `maps` (proc(5)) that is at least so large, a part each. */
export function anonymousMemory(maps: string, size: number): { start: bigint; length: number }[] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0\s*$/gm)]
    .map(([, from, to]) => ({ start: BigInt(`0x${from}`), length: Number(BigInt(`0x${to}`) - BigInt(`0x${from}`)) }))
    .filter(({ length }) => length >= size);
}
