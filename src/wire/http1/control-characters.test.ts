import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameControlCharacter } from '#wire/http1/control-characters.ts';
import { ParseError } from '#wire/http1/parse-error.ts';

const { BadMethod, BadFieldName, ControlCharacter, HeadTooLarge, TooManyFields } = ParseError;

function named(text: string, error: number, start = 0): number {
  const bytes = Buffer.from(text, 'latin1');
  return nameControlCharacter(error, bytes, start, bytes.length);
}

test('a control character anywhere in a head that was refused is what is wrong with it', () => {
  for (const c of ['\0', '\x01', '\x0b', '\x1f', '\x7f']) {
    assert.equal(named(`G${c}T / HTTP/1.1\r\n\r\n`, BadMethod), ControlCharacter);
    assert.equal(named(`G@T / HTTP/1.1\r\na: ${c}\r\n\r\n`, BadMethod), ControlCharacter);
    assert.equal(named(`GET / HTTP/1.1\r\na${c}`, BadFieldName), ControlCharacter);
  }
});

test('a tab is none, nor is what stands before or behind the head', () => {
  assert.equal(named('G\tT / HTTP/1.1\r\na: \xff\r\n\r\n', BadMethod), BadMethod);
  assert.equal(named('G@T / HTTP/1.1\r\n\r\n\0', BadMethod), BadMethod);
  assert.equal(named('\0\0G@T / HTTP/1.1\r\n\r\n', BadMethod, 2), BadMethod);
});

test('what was not read is not looked at', () => {
  for (const error of [HeadTooLarge, TooManyFields])
    assert.equal(named('GET / HTTP/1.1\r\na: \0\r\n\r\n', error), error);
});
