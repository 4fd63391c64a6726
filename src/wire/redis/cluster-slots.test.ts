import assert from 'node:assert/strict';
import test from 'node:test';
import { readClusterSlots, slotOf } from '#wire/redis/cluster-slots.ts';
import { parseResp } from '#wire/redis/resp-value.ts';

const read = (text: string) => readClusterSlots(parseResp(Buffer.from(text.replaceAll(' ', '\r\n'))));

test('slots are those of the specification', () => {
  assert.equal(slotOf(Buffer.from('123456789')), 0x31c3 % 16_384);
  assert.equal(slotOf(Buffer.from('foo')), 12_182);
  assert.equal(slotOf(Buffer.from('')), 0);
});

test('ranges have a primary and replicas, with whatever else is said of them left out', () => {
  const node = '*4 $9 127.0.0.1 :7000 $2 id *0 ';
  assert.deepEqual(read(`*2 *3 :0 :5 ${node}*4 :6 :16383 *2 $-1 :7001 *2 $1 ? :7002 `), [
    { first: 0, last: 5, primary: { host: '127.0.0.1', port: 7000 }, replicas: [] },
    { first: 6, last: 16_383, primary: { host: '', port: 7001 }, replicas: [{ host: '', port: 7002 }] },
  ]);
});

test('an answer that is none is refused', () => {
  const node = '*2 $1 a :1 ';
  for (const bad of [
    '+OK ',
    '*0 ',
    '*1 *2 :0 :1 ',
    `*1 *3 :-1 :1 ${node}`,
    `*1 *3 :2 :1 ${node}`,
    `*1 *3 :0 :16384 ${node}`,
    '*1 *3 :0 :1 *2 $1 a :0 ',
    '*1 *3 :0 :1 *2 :1 :1 ',
    '*1 *3 $1 0 :1 *2 $1 a :1 ',
    '*1 *3 :0 :1 *1 $1 a ',
  ])
    assert.equal(read(bad), undefined, bad);
});
