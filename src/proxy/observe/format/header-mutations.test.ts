import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppendAction } from '#config/model/header-mutation.ts';
import { compileHeaderMutations } from '#proxy/observe/format/header-mutations.ts';
import { headersOf, streamInfo } from '#testing/stream-info.ts';

interface Add {
  name: string;
  value: string;
  action?: AppendAction;
  keepEmptyValue?: boolean;
}

function mutated(before: Record<string, string>, add: Add[], remove: string[] = []): [string, string][] {
  const headers = headersOf(before);
  compileHeaderMutations({
    requestAdd: add.map((one) => ({ action: 'APPEND_IF_EXISTS_OR_ADD', keepEmptyValue: false, ...one })),
    requestRemove: remove,
    responseAdd: [],
    responseRemove: [],
  }).applyRequest(headers, streamInfo({ requestHeaders: { x: 'value' } }));
  return headers.entries();
}

test('appending adds another field of that name', () => {
  assert.deepEqual(mutated({ a: '1' }, [{ name: 'a', value: '%REQ(x)%!' }]), [
    ['a', '1'],
    ['a', 'value!'],
  ]);
});

test('headers are removed before others are added', () => {
  assert.deepEqual(mutated({ a: '1', b: '2' }, [{ name: 'a', value: '3' }], ['a']), [
    ['b', '2'],
    ['a', '3'],
  ]);
});

test('conditions are decided before anything is written', () => {
  const add: Add[] = [
    { name: 'f', value: '1', action: 'ADD_IF_ABSENT' },
    { name: 'f', value: '2', action: 'ADD_IF_ABSENT' },
    { name: 'g', value: '1' },
    { name: 'g', value: '2', action: 'OVERWRITE_IF_EXISTS' },
  ];
  assert.deepEqual(mutated({}, add), [
    ['f', '1'],
    ['f', '2'],
    ['g', '1'],
  ]);
});

test('headers are overwritten before others are added', () => {
  const add: Add[] = [
    { name: 'a', value: 'added' },
    { name: 'a', value: 'new', action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
  ];
  assert.deepEqual(mutated({ a: 'old' }, add), [
    ['a', 'new'],
    ['a', 'added'],
  ]);
});

test('what exists stays where a header is only added if absent', () => {
  assert.deepEqual(mutated({ a: '1' }, [{ name: 'a', value: '2', action: 'ADD_IF_ABSENT' }]), [['a', '1']]);
});

test('a header is overwritten if it exists, and else left out', () => {
  const add: Add[] = [
    { name: 'a', value: '2', action: 'OVERWRITE_IF_EXISTS' },
    { name: 'b', value: '2', action: 'OVERWRITE_IF_EXISTS' },
  ];
  assert.deepEqual(mutated({ a: '1' }, add), [['a', '2']]);
});

test('an empty value adds nothing unless it is kept', () => {
  const add: Add[] = [
    { name: 'a', value: '%REQ(none)%' },
    { name: 'b', value: '%REQ(none)%', keepEmptyValue: true },
  ];
  assert.deepEqual(mutated({}, add), [['b', '']]);
});

test('values of the configuration are sent as the bytes of UTF-8', () => {
  assert.deepEqual(mutated({}, [{ name: 'a', value: '\u00e9' }]), [['a', '\xc3\xa9']]);
});

test('responses have changes of their own', () => {
  const headers = headersOf({ a: '1' });
  const add = { name: 'b', value: '%RESP(a)%', action: 'ADD_IF_ABSENT' as const, keepEmptyValue: false };
  compileHeaderMutations({
    requestAdd: [],
    requestRemove: ['a'],
    responseAdd: [add],
    responseRemove: [],
  }).applyResponse(headers, streamInfo({ responseHeaders: { a: '7' } }));
  assert.deepEqual(headers.entries(), [
    ['a', '1'],
    ['b', '7'],
  ]);
});
