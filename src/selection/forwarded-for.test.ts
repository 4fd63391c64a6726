import assert from 'node:assert/strict';
import test from 'node:test';
import { addressFromXff } from '#selection/forwarded-for.ts';

const CASES: [value: string | undefined, skip: number, address: string | undefined, single?: boolean][] = [
  [undefined, 0, undefined],
  ['', 0, undefined],
  ['1.1.1.1', 0, '1.1.1.1', true],
  [' 1.1.1.1 ', 0, '1.1.1.1', true],
  ['1.1.1.1', 1, undefined],
  ['1.1.1.1, 2.2.2.2', 0, '2.2.2.2', false],
  ['1.1.1.1, 2.2.2.2', 1, '1.1.1.1', false],
  ['2001:db8::1', 0, '2001:db8::1', true],
  ['1.1.1.1:80', 0, undefined],
  ['unknown', 0, undefined],
  ['1.1.1.1,', 0, undefined],
];

for (const [value, skip, address, single] of CASES) {
  test(`the address ${skip} before the last of ${JSON.stringify(value)} is ${address}`, () => {
    assert.deepEqual(addressFromXff(value, skip), address === undefined ? undefined : { address, single });
  });
}
