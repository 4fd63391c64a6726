/** `/cpuprofiler`, `/heapprofiler`, `/allocprofiler`, `/heap_dump`, `/peak_heap_dump`: where time and memory go, by V8. */
import {
  type AdminHandler,
  type AdminParameter,
  type AdminRequest,
  type AdminResponse,
  OK,
  text,
} from '#proxy/admin/handler.ts';
import * as profilers from '#proxy/admin/profilers.ts';

const ENABLE: AdminParameter = {
  name: 'enable',
  help: 'start it, or end it and write the profile',
  options: ['y', 'n'],
};
const USAGE = text('?enable=<y|n>\n', 400);

export const cpuProfiler: AdminHandler = {
  path: '/cpuprofiler',
  help: 'start or end a CPU profile, written to admin.profile_path as a .cpuprofile',
  parameters: [ENABLE],
  mutates: true,
  answer: (request, context) =>
    toggle(request, profilers.startCpuProfile, () => profilers.stopCpuProfile(context.profilePath)),
};

export const heapProfiler: AdminHandler = {
  path: '/heapprofiler',
  help: 'start or end sampling what memory holds, written to admin.profile_path as a .heapprofile',
  parameters: [ENABLE],
  mutates: true,
  answer: (request, context) =>
    toggle(
      request,
      () => profilers.startHeapProfile(false),
      () => profilers.stopHeapProfile(context.profilePath),
    ),
};

export const allocProfiler: AdminHandler = {
  path: '/allocprofiler',
  help: 'start or end sampling allocations, freed ones too, written to admin.profile_path as a .heapprofile',
  parameters: [ENABLE],
  mutates: true,
  answer: (request, context) =>
    toggle(
      request,
      () => profilers.startHeapProfile(true),
      () => profilers.stopHeapProfile(context.profilePath),
    ),
};

export const heapDump: AdminHandler = {
  path: '/heap_dump',
  help: 'print what the heap or allocation profiler sampled so far, by the code that allocated it (no contents)',
  async answer() {
    const profile = await profilers.heapProfile();
    if (profile === undefined) return text('no heap profile is being taken: POST /heapprofiler?enable=y first\n', 400);
    return { contentType: 'application/json', body: profile };
  },
};

export const peakHeapDump: AdminHandler = {
  path: '/peak_heap_dump',
  help: 'not supported: V8 keeps no profile of the peak',
  answer: () => text('V8 keeps no profile of the peak; see /heap_dump\n', 501),
};

async function toggle(
  { params }: AdminRequest,
  start: () => Promise<boolean>,
  stop: () => Promise<void>,
): Promise<AdminResponse> {
  const enable = params.get('enable');
  if (enable !== 'y' && enable !== 'n') return USAGE;
  try {
    if (enable === 'n') await stop();
    else if (!(await start())) return text('a profile is being taken already\n', 500);
    return OK;
  } catch (error) {
    return text(`the profile cannot be ${enable === 'y' ? 'taken' : 'written'}: ${(error as Error).message}\n`, 500);
  }
}
