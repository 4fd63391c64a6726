import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '#base/entry.ts';
import { goldenScenario } from '#testing/istioctl-golden.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

function explain(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(join(packageRoot, 'bin/fairlead'), ['explain', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function dumpOf(t: TestContext, scenario: string): string {
  const path = join(temporaryFolder(t), 'dump.json');
  writeFileSync(path, JSON.stringify(goldenScenario(scenario).inputs['productpage-v1.config_dump.json']));
  return path;
}

test('a dump is explained as a bootstrap is', (t) => {
  const file = dumpOf(t, 'bookinfo');
  const told = explain('--file', file, 'http://reviews:9080/');
  assert.deepEqual([told.status, told.stderr], [0, '']);
  assert.match(told.stdout, /^way in +virtualOutbound +0\.0\.0\.0:15001: /m);
  assert.match(told.stdout, /^cluster +outbound\|9080\|\|reviews\.default\.svc\.cluster\.local/m);
  const json = JSON.parse(explain('--file', file, '-o', 'json', 'http://reviews:9080/').stdout);
  assert.equal(json.way_in.direction, 'outbound');
  assert.match(
    explain('--file', file, '--all-hosts').stdout,
    /^9080 +reviews\.default\.svc\.cluster\.local +\/ +outbound/m,
  );
});

test('what another dump changes for a request is told', (t) => {
  const [before, after] = [dumpOf(t, 'bookinfo'), dumpOf(t, 'bookinfo-policies')];
  const told = explain('--file', before, '--diff', after, 'http://ratings:9080/');
  assert.equal(told.status, 1);
  assert.match(told.stdout, /^ +route\.resource: \+ "VirtualService default\/ratings"$/m);
  const same = explain('--file', before, '--diff', before, 'http://ratings:9080/');
  assert.equal(same.status, 0);
  assert.match(same.stdout, /^ +no difference$/m);
});

test('a mistake in the call or its input has status 2', (t) => {
  const file = dumpOf(t, 'bookinfo');
  const mistakes: [args: string[], words: RegExp][] = [
    [['--file', file], /missing required argument 'url'/],
    [['--file', file, '--admin', 'localhost:1', 'http://a/'], /exclude each other/],
    [['--file', file, '--all-hosts', 'http://a/'], /takes no URL/],
    [['--file', file, '--inbound', '--outbound', 'http://a/'], /exclude each other/],
    [['-c', file, '--diff', file, 'http://a/'], /go with --file or --admin/],
    [['--file', '/no/such', 'http://a/'], /Error: open \/no\/such: no such file or directory/],
    [['--admin', '127.0.0.1:1', 'http://a/'], /ECONNREFUSED/],
    [['--file', file, 'ftp://a/'], /neither http nor https/],
  ];
  for (const [args, words] of mistakes) {
    const { status, stdout, stderr } = explain(...args);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    assert.match(stderr, words);
  }
});
