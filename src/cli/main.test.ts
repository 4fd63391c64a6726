import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { packageRoot } from '#base/entry.ts';
import { COMMANDS } from '#cli/command-table.ts';

const LAUNCHER = join(packageRoot, 'bin/fairlead');

function fairlead(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(LAUNCHER, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('help names every command, and every command has help with examples', () => {
  const help = fairlead('--help').stdout;
  for (const { name, summary } of COMMANDS) {
    assert.ok(help.includes(`${name}`) && help.includes(summary), name);
    const own = fairlead(name, '--help');
    assert.equal(own.status, 0, name);
    assert.match(own.stdout, new RegExp(`^Usage: fairlead ${name}`, 'm'));
    assert.match(own.stdout, new RegExp(`Examples:\\n +fairlead ${name}`));
  }
});

test('a misspelt command is answered with the one that was meant, on standard error, with status 2', () => {
  const { status, stdout, stderr } = fairlead('prxy');
  assert.deepEqual([status, stdout], [2, '']);
  assert.equal(stderr, "fairlead: no command 'prxy' (did you mean 'proxy'?)\nTry 'fairlead --help'.\n");
});

test('a mistake in a command names that command', () => {
  for (const args of [['proxy'], ['sample', 'nonesuch'], ['sample', '--nonesuch'], ['completion', 'csh']]) {
    const { status, stderr } = fairlead(...args);
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, new RegExp(`Try 'fairlead ${args[0]} --help'`));
  }
  assert.equal(fairlead().status, 2);
});

test('the version names what is spoken and what it runs on', () => {
  assert.match(fairlead('--version').stdout, /^fairlead {2}version: \d+\.\d+\.\d+\/Envoy API 1\.40\.0\/Node 2\d\./);
  assert.equal(fairlead('proxy', '--version').stdout, fairlead('--version').stdout);
});

test('the launcher works through links, from a folder with spaces', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead test '));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync(LAUNCHER, join(folder, 'first link'));
  symlinkSync('first link', join(folder, 'second link'));
  const { status, stdout } = spawnSync(join(folder, 'second link'), ['--version'], { cwd: '/', encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /^fairlead/);
});

test('bash completes commands, flags and samples', () => {
  const script = fairlead('completion', 'bash').stdout;
  const complete = (...words: string[]) => {
    const line = `${script}\nCOMP_WORDS=(fairlead ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _fairlead; echo "\${COMPREPLY[*]}"`;
    return spawnSync('bash', ['-c', line], { encoding: 'utf8' }).stdout.trim();
  };
  assert.equal(complete('pro'), 'proxy proxy-config');
  assert.equal(complete('proxy', '--conc'), '--concurrency');
  assert.equal(complete('sample', 'front'), 'front-proxy');
  assert.equal(complete('pc', 'boot'), 'bootstrap');
});

test('a reader that has seen enough ends the program without a word', () => {
  for (const args of ['--help', 'proxy --help', 'sample --help']) {
    const { status, stderr } = spawnSync('bash', ['-c', `set -o pipefail; "${LAUNCHER}" ${args} | true`], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, ''], args);
  }
});
