import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type HttpTemplate,
  matchTemplate,
  parseTemplate,
  type UnescapeSpec,
} from '#proxy/http/transcoding/http-template.ts';

/** The bindings of a path, or undefined. */
function bindings(template: string, path: string, spec: UnescapeSpec = 'ALL_CHARACTERS_EXCEPT_RESERVED') {
  const found = matchTemplate(parseTemplate(template) as HttpTemplate, path, spec);
  return found && Object.fromEntries(found.map(({ field, value }) => [field.join('.'), value]));
}

test('literals, single segments, the rest, and verbs', () => {
  assert.deepEqual(bindings('/v1/shelves', '/v1/shelves'), {});
  assert.equal(bindings('/v1/shelves', '/v1/books'), undefined);
  assert.deepEqual(bindings('/v1/{id}', '/v1/7'), { id: '7' });
  assert.equal(bindings('/v1/{id}', '/v1/'), undefined);
  assert.equal(bindings('/v1/{id}', '/v1/7/8'), undefined);
  assert.deepEqual(bindings('/v1/{name=shelves/*}/books/{book.id}', '/v1/shelves/3/books/4'), {
    name: 'shelves/3',
    'book.id': '4',
  });
  assert.deepEqual(bindings('/v1/{rest=**}', '/v1/a/b/c'), { rest: 'a/b/c' });
  assert.deepEqual(bindings('/v1/{id}:read', '/v1/7:read'), { id: '7' });
  assert.equal(bindings('/v1/{id}:read', '/v1/7'), undefined);
});

test('percent signs are read whole in one segment, and as configured in several', () => {
  assert.deepEqual(bindings('/{id}', '/a%2Fb%20c'), { id: 'a/b c' });
  assert.deepEqual(bindings('/{id=**}', '/a%2Fb%20c/d'), { id: 'a%2Fb c/d' });
  assert.deepEqual(bindings('/{id=**}', '/a%2Fb%3F/d', 'ALL_CHARACTERS_EXCEPT_SLASH'), { id: 'a%2Fb?/d' });
  assert.deepEqual(bindings('/{id=**}', '/a%2Fb/d', 'ALL_CHARACTERS'), { id: 'a/b/d' });
  assert.deepEqual(bindings('/{id}', '/%zz%4'), { id: '%zz%4' });
});

test('what is no template is refused', () => {
  for (const text of ['', 'v1', '/{', '/{id', '/a//b', '/{id=**}/b', '/{1}', '/**/a']) {
    assert.equal(parseTemplate(text), undefined, text);
  }
});

test('any text is a template or none, and any path matches or does not', () => {
  const text = fc.array(fc.constantFrom('/', '{', '}', '=', '*', '**', ':', 'a', 'id', '.', '%2F'), { maxLength: 10 });
  fc.assert(
    fc.property(text, text, (template, path) => {
      const parsed = parseTemplate(`/${template.join('')}`);
      if (parsed !== undefined) matchTemplate(parsed, `/${path.join('')}`, 'ALL_CHARACTERS');
    }),
    { numRuns: 1000 },
  );
});
