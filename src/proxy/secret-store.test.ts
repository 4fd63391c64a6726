import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SecretValue } from '#config/model/tls.ts';
import { SecretStore } from '#proxy/secret-store.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const keys = (text: string): SecretValue => ({ kind: 'sessionTicketKeys', keys: [new Uint8Array(Buffer.from(text))] });

/** A secret in the file `keys` of a folder; an empty file is one that is not whole. */
function inFile(folder: string) {
  const path = join(folder, 'keys');
  const read = () => {
    const text = readFileSync(path, 'utf8');
    if (text === '') throw new Error('empty');
    return keys(text);
  };
  const replace = (text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  return { path, read, replace };
}

function heardOf(t: TestContext) {
  const store = new SecretStore();
  t.after(() => store.close());
  const told: (string | undefined)[] = [];
  let wake = () => {};
  store.onChange((_key, value) => {
    told.push(value?.kind === 'sessionTicketKeys' ? Buffer.from(value.keys[0]).toString() : undefined);
    wake();
  });
  const next = () => new Promise<void>((resolve) => (wake = resolve));
  return { store, told, next };
}

test('a secret is told of once, and again only when it is another', (t) => {
  const { store, told } = heardOf(t);
  store.put('k', keys('a'));
  store.put('k', keys('a'));
  store.put('k', keys('b'));
  store.remove('k');
  store.remove('k');
  assert.deepEqual(told, ['a', 'b', undefined]);
  assert.deepEqual(store.all(), {});
});

test('a file that is replaced is read again; one that is not whole changes nothing', async (t) => {
  const folder = temporaryFolder(t);
  const { path, read, replace } = inFile(folder);
  replace('one');
  const { store, told, next } = heardOf(t);
  store.watch({ key: 'k', value: read(), folders: [folder], read });
  writeFileSync(path, '');
  let changed = next();
  replace('two');
  await changed;
  changed = next();
  replace('three');
  await changed;
  assert.deepEqual(told, ['one', 'two', 'three']);
  store.remove('k');
  replace('four');
  assert.deepEqual(store.find('k'), undefined);
});

test('a folder that must be there is not', (t) => {
  const { store } = heardOf(t);
  const nowhere = join(temporaryFolder(t), 'nowhere');
  assert.throws(() => store.watch({ key: 'k', value: keys('a'), folders: [nowhere], read: () => keys('a') }));
  mkdirSync(nowhere);
  store.watch({ key: 'k', value: keys('a'), folders: [nowhere], read: () => keys('a') });
});
