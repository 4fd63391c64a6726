/** `/memory` and `/memory/tcmalloc`: what the process and V8's heap hold. Follows admin.v3.Memory. */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { type AdminHandler, json } from '#proxy/admin/handler.ts';

export const memory: AdminHandler = {
  path: '/memory',
  help: 'print what is allocated now',
  answer() {
    const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
    const { total_physical_size: physical } = getHeapStatistics();
    return json({
      allocated: String(heapUsed + external),
      heap_size: String(heapTotal + external),
      // Of the heap: what is reserved and not backed by memory, and what is backed and unused.
      pageheap_unmapped: String(Math.max(0, heapTotal - physical)),
      pageheap_free: String(Math.max(0, physical - heapUsed)),
      // V8 keeps no free lists by thread.
      total_thread_cache: '0',
      total_physical_bytes: String(rss),
    });
  },
};

export const memoryAllocator: AdminHandler = {
  path: '/memory/tcmalloc',
  help: "print the allocator's own account: the spaces of V8's heap",
  answer() {
    const rows = getHeapSpaceStatistics().map((space) =>
      [space.space_name, space.space_size, space.space_used_size, space.space_available_size, space.physical_space_size]
        .map((cell, column) => (column === 0 ? String(cell).padEnd(28) : String(cell).padStart(14)))
        .join(''),
    );
    const names = `${'SPACE'.padEnd(28)}${['SIZE', 'USED', 'AVAILABLE', 'PHYSICAL'].map((name) => name.padStart(14)).join('')}`;
    return { contentType: 'text/plain', body: `${[names, ...rows].join('\n')}\n` };
  },
};
