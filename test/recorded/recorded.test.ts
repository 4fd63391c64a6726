/**
 * What real Envoy answers is on record beside the unit tests that hold our code to it; this asks Envoy again.
 * FAIRLEAD_RECORD=1 writes the records anew.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { recordForwarded } from './forwarded.ts';
import { recordPaths } from './paths.ts';

const RECORDS: Record<string, { area: string; record: (t: TestContext) => Promise<unknown[]> }> = {
  paths: { area: 'selection', record: recordPaths },
  forwarded: { area: 'proxy/http', record: recordForwarded },
};

for (const [name, { area, record }] of Object.entries(RECORDS)) {
  test(`real Envoy still answers as on record: ${name}`, async (t) => {
    const file = new URL(`../../src/${area}/testdata/${name}.jsonl`, import.meta.url);
    const rows = (await record(t)).map((row) => JSON.stringify(row));
    if (process.env.FAIRLEAD_RECORD) writeFileSync(file, `${rows.join('\n')}\n`);
    assert.deepEqual(rows, readFileSync(file, 'utf8').trimEnd().split('\n'));
  });
}
