/**
 * Memory that all threads share, at zero. While a startup snapshot is made, V8 has none, and there is one thread.
 */
export function sharedBytes(size: number): SharedArrayBuffer {
  return typeof SharedArrayBuffer === 'undefined'
    ? (new ArrayBuffer(size) as unknown as SharedArrayBuffer)
    : new SharedArrayBuffer(size);
}
