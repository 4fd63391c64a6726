import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Headers } from '#wire/headers.ts';
import { parseFields } from '#wire/http1/fields.ts';
import { Known } from '#wire/known-headers.ts';

/** Fields as a parser leaves them: spans into one text. */
function parsed(text: string, headers = new Headers()): Headers {
  const bytes = Buffer.from(`${text}\r\n`, 'latin1');
  const after = parseFields(bytes, 0, bytes.length, 0, headers, 1000);
  assert.equal(after, bytes.length);
  headers.text = bytes.latin1Slice();
  return headers;
}

test('names are found in any spelling, and their values as sent', () => {
  const headers = parsed('Host: a.test\r\nX-Own:  1 \r\nx-OWN: 2\r\n');
  assert.equal(headers.get('host'), 'a.test');
  assert.equal(headers.getKnown(Known.host), 'a.test');
  assert.deepEqual(headers.all('x-own'), ['1', '2']);
  assert.equal(headers.joined('x-own'), '1,2');
  assert.equal(headers.get('x-other'), undefined);
  assert.equal(headers.joined('x-other'), undefined);
  assert.equal(headers.spelledAt(1), 'X-Own');
  assert.equal(headers.spellingOf('x-other'), undefined);
  assert.equal(headers.nameAt(1), 'x-own');
  assert.ok(headers.some('x-own', (value) => value === '2'));
  assert.ok(!headers.some('x-own', (value) => value === '3'));
});

test('lines that nobody touched are written as they came, others as name, colon, blank, value', () => {
  const headers = parsed('a: 1\r\nB:2\r\nc: 3\r\nd: 4\r\ne:  5\r\nf: 6\r\n');
  headers.set('c', 'three');
  headers.remove('f');
  headers.add('g', '7');
  assert.equal(headers.encode('start\r\n'), 'start\r\na: 1\r\nb: 2\r\nc: three\r\nd: 4\r\ne: 5\r\ng: 7\r\n');
});

test('a field removed between two untouched ones is not written', () => {
  const headers = parsed('a: 1\r\nb: 2\r\nc: 3\r\n');
  headers.remove('b');
  assert.equal(headers.encode(''), 'a: 1\r\nc: 3\r\n');
});

test('a known name that came twice is replaced as a whole, removed as a whole, and can be added again', () => {
  const headers = parsed('cookie: a\r\nvia: x\r\nCookie: b\r\n');
  assert.ok(headers.repeated);
  headers.setKnown(Known.cookie, 'c');
  assert.deepEqual(headers.entries(), [
    ['cookie', 'c'],
    ['via', 'x'],
  ]);
  assert.equal(headers.removeKnown(Known.cookie), 1);
  assert.equal(headers.removeKnown(Known.cookie), 0);
  assert.ok(!headers.hasKnown(Known.cookie));
  headers.addKnown(Known.cookie, 'd');
  assert.equal(headers.getKnown(Known.cookie), 'd');
});

test('nothing of a message is left for the next one', () => {
  const headers = parsed('host: a\r\nhost: b\r\nx: 1\r\n');
  headers.add('y', '2');
  headers.clear();
  assert.equal(headers.size, 0);
  assert.ok(!headers.repeated && !headers.hasKnown(Known.host) && !headers.has('y'));
  parsed('te: trailers\r\n', headers);
  assert.deepEqual(headers.entries(), [['te', 'trailers']]);
});

test('fields of another message are added with their names in lower case', () => {
  const headers = parsed('a: 1\r\n');
  const other = parsed('B: 2\r\nc: 3\r\n');
  other.remove('c');
  headers.addAll(other);
  assert.deepEqual(headers.entries(), [
    ['a', '1'],
    ['b', '2'],
  ]);
});

const NAMES = ['host', 'cookie', 'via', 'x-a', 'x-b', 'content-length'];
const name = fc.constantFrom(...NAMES);
const value = fc.stringMatching(/^([!-~\xa0-\xff]([ -~]*[!-~])?)?$/, { maxLength: 8 });
const spelled = name.chain((text) => fc.mixedCase(fc.constant(text)).map((spelling) => ({ name: text, spelling })));
const line = fc.tuple(spelled, fc.constantFrom('', ' ', '\t ', '  '), value, fc.constantFrom('', ' ', ' \t'));
const change = fc.oneof(
  fc.tuple(fc.constant('add' as const), name, value),
  fc.tuple(fc.constant('set' as const), name, value),
  fc.tuple(fc.constant('remove' as const), name, fc.constant('')),
);

test('any changes to any message have the same effect as on a plain list of pairs', () => {
  const reused = new Headers();
  const property = fc.property(
    fc.array(line, { maxLength: 40 }),
    fc.array(change, { maxLength: 12 }),
    (lines, changes) => {
      reused.clear();
      const text = lines
        .map(([{ spelling }, before, text, after]) => `${spelling}:${before}${text}${after}\r\n`)
        .join('');
      const headers = parsed(text, reused);
      let pairs = lines.map(([{ name }, , text]): [string, string] => [name, text]);
      for (const [kind, name, text] of changes) {
        const first = pairs.findIndex(([other]) => other === name);
        if (kind === 'remove') assert.equal(headers.remove(name), pairs.filter(([other]) => other === name).length);
        else headers[kind](name, text);
        if (kind === 'add' || (kind === 'set' && first < 0)) pairs.push([name, text]);
        else {
          if (kind === 'set') pairs[first] = [name, text];
          pairs = pairs.filter(([other], i) => other !== name || (kind === 'set' && i === first));
        }
      }

      assert.deepEqual(headers.entries(), pairs);
      assert.equal(headers.size, pairs.length);
      assert.equal(
        headers.byteSize(),
        pairs.reduce((sum, [name, text]) => sum + name.length + text.length, 0),
      );
      for (const name of NAMES) {
        const values = pairs.filter(([other]) => other === name).map(([, text]) => text);
        assert.deepEqual(headers.all(name), values);
        assert.equal(headers.get(name), values[0]);
        assert.equal(headers.has(name), values.length > 0);
      }
      const written = headers.encode('');
      assert.equal(written, pairs.map(([name, text]) => `${name}: ${text}\r\n`).join(''));
      assert.equal(parsed(written).encode(''), written);
    },
  );
  fc.assert(property, { numRuns: 300 });
});
