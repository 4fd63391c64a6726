import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { packageRoot } from '#base/entry.ts';
import { answering, bootstrap, httpListener, routeConfig } from '#testing/bootstrap.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

function explain(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(join(packageRoot, 'bin/fairlead'), ['explain', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function configuration(t: TestContext, text?: string): string {
  const path = join(temporaryFolder(t), 'bootstrap.yaml');
  const match = { path: '/a', headers: [{ name: 'x-user', string_match: { exact: 'jason' } }] };
  const given = bootstrap([httpListener({ port: 8000, manager: routeConfig([answering('one', match)]) })]);
  writeFileSync(path, text ?? JSON.stringify(given));
  return path;
}

test('the status says whether a route takes the request', (t) => {
  const file = configuration(t);
  const taken = explain('-c', file, '-H', 'X-User:jason', 'http://h:8000/a');
  assert.deepEqual([taken.status, taken.stderr], [0, '']);
  assert.match(taken.stdout, /^route +one +path \/a, header x-user exact "jason"$/m);
  const lost = explain('-c', file, '-H', 'x-user;', 'http://h:8000/a');
  assert.equal(lost.status, 1);
  assert.match(lost.stdout, /not one +header x-user: expected exact "jason", the request has ""/);
});

test('machines get the same as JSON and as YAML', (t) => {
  const file = configuration(t);
  const told = JSON.parse(explain('-c', file, '-o', 'json', 'http://h:8000/b').stdout);
  assert.equal(told.route.rejected[0].name, 'one');
  assert.equal(told.response.status, 404);
  assert.deepEqual(parse(explain('-c', file, '-o', 'yaml', 'http://h:8000/b').stdout), told);
});

test('a mistake in the call is told with status 2', (t) => {
  const file = configuration(t);
  const mistakes: [args: string[], words: RegExp][] = [
    [['-c', file], /missing required argument 'url'/],
    [['http://h/'], /needs a bootstrap: -c FILE/],
    [['-c', file, 'ftp://h/'], /neither http nor https/],
    [['-c', file, '-H', 'nonsense', 'http://h/'], /header 'nonsense' is not of the form/],
    [['-c', file, '-o', 'xml', 'http://h/'], /Allowed choices are text, json, yaml/],
  ];
  for (const [args, words] of mistakes) {
    const { status, stdout, stderr } = explain(...args);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    assert.match(stderr, words);
    assert.match(stderr, /Try 'fairlead explain --help'/);
  }
});

test('what is wrong with the bootstrap is told as fairlead proxy tells it', (t) => {
  const file = configuration(t, 'static_resource: {}\nadmn: {}\n');
  const { status, stderr } = explain('-c', file, 'http://h/');
  assert.equal(status, 1);
  const proxy = spawnSync(join(packageRoot, 'bin/fairlead'), ['proxy', '-c', file, '--mode', 'validate'], {
    encoding: 'utf8',
  });
  assert.match(stderr, /did you mean 'static_resources'\?/);
  assert.ok(proxy.stderr.includes(stderr.trim()), `${proxy.stderr}\n--\n${stderr}`);
});
