import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlacedError, rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { sourceOf } from '#api/source.ts';

function rooted(text = '') {
  const problems = new Problems();
  const source = text === '' ? undefined : sourceOf(text, 'a.yaml');
  return { problems, at: rootPlace(source, problems) };
}

test('a path names fields, indexes and keys as people write them', () => {
  const { at } = rooted();
  assert.equal(at.path, '');
  assert.equal(
    at.field('static_resources').field('listeners').index(0).field('name').path,
    'static_resources.listeners[0].name',
  );
  assert.equal(at.field('filter_metadata').key('envoy.lb').path, 'filter_metadata["envoy.lb"]');
});

test('a problem carries file, line, column and length of the value', () => {
  const { at } = rooted('clusters:\n- name: abc\n');
  const { problem } = at.field('clusters').index(0).field('name').problem('is odd', 'make it even');
  assert.deepEqual(problem, {
    severity: 'error',
    file: 'a.yaml',
    path: 'clusters[0].name',
    message: 'is odd',
    hint: 'make it even',
    line: 2,
    column: 9,
    length: 3,
  });
});

test('an unsupported field is shown by its name, a missing one by its parent', () => {
  const { at } = rooted('clusters:\n- name: abc\n');
  const first = at.field('clusters').index(0);
  const unsupported = first.field('name').unsupported('names are not read').problem;
  assert.deepEqual(
    [unsupported.message, unsupported.line, unsupported.column],
    ["field 'name' is not supported by Fairlead yet: names are not read", 2, 3],
  );
  const missing = at.field('clusters').field('type').missing().problem;
  assert.deepEqual([missing.message, missing.line, missing.column], ["field 'type' is required", 1, 1]);
});

test('attempt notes an error about a place and goes on; any other error passes', () => {
  const { at, problems } = rooted();
  assert.equal(
    at.attempt(() => 5),
    5,
  );
  const failed = at.attempt(() => {
    throw at.field('x').problem('is wrong');
  });
  assert.equal(failed, undefined);
  assert.deepEqual(problems.list, [{ severity: 'error', file: '', path: 'x', message: 'is wrong' }]);
  assert.throws(() =>
    at.attempt(() => {
      throw new TypeError('a bug');
    }),
  );
});

test('report, warn and collect add to the problems', () => {
  const { at, problems } = rooted();
  at.field('a').report('one');
  at.field('b').warn('two');
  at.collect(new PlacedError({ severity: 'error', file: '', path: 'c', message: 'three' }));
  assert.deepEqual(
    problems.errors.map((p) => p.message),
    ['one', 'three'],
  );
  assert.deepEqual(
    problems.warnings.map((p) => p.message),
    ['two'],
  );
});
