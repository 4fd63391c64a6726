import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { anonymousMemory, mapSnapshotPages, PAGE } from '#cli/snapshot-pages.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const MAPS = `00400000-00500000 rw-p 00000000 fe:00 17 /usr/bin/program
01000000-01002000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000800000 rw-p 00000000 00:00 0
7f0000800000-7f0001000000 r--p 00000000 00:00 0
7f0002000000-7f0002001000 rw-p 00000000 00:00 0
`;

test('only writable memory without a file or a name counts, and only what is large enough', () => {
  assert.deepEqual(anonymousMemory(MAPS, 2 * PAGE), [{ start: 0x7f0000000000n, length: 0x800000 }]);
});

test('memory that holds the same as a file is mapped from the file, and reads the same', (t) => {
  const memory = Buffer.alloc(8 << 20);
  for (let i = 0; i < memory.length; i += 4) memory.writeUInt32LE(i, i);
  const file = join(temporaryFolder(t), 'pages');
  // What malloc gives begins 16 bytes behind a page's boundary.
  const pages = Buffer.from(memory.subarray(PAGE - 16, (4 << 20) + PAGE - 16));
  writeFileSync(file, pages);
  assert.equal(mapSnapshotPages(file), pages.length);
  assert.ok(memory.subarray(PAGE - 16, PAGE - 16 + pages.length).equals(pages));
  assert.equal(memory.readUInt32LE(6 << 20), 6 << 20);
});

test('where no memory holds what the file does, nothing happens', (t) => {
  const file = join(temporaryFolder(t), 'pages');
  writeFileSync(file, Buffer.alloc(64 * PAGE, 'nobody has this'));
  assert.equal(mapSnapshotPages(file), 0);
  assert.equal(mapSnapshotPages(`${file}.missing`), 0);
});
