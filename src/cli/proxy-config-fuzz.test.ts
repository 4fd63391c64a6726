import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { proxyConfig } from '#cli/commands/proxy-config.ts';
import { changed, changes } from '#testing/changed-dump.ts';
import { goldenScenario } from '#testing/istioctl-golden.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const { inputs } = goldenScenario('customers');
const DUMP = inputs['web-frontend.config_dump.json'];
const CLUSTERS = inputs['web-frontend.clusters.json'];

const CALLS = ['listeners', 'routes', 'clusters', 'eds', 'endpoints', 'secret', 'ecds', 'bootstrap', 'all'].flatMap(
  (command) => ['short', 'json', 'yaml'].map((form) => [command, '-o', form]),
);
const FILTERED = [
  ['listeners', '--port', '80', '--address', '0.0.0.0', '--type', 'http'],
  ['listeners', '--verbose=false'],
  ['clusters', '--fqdn', 'a', '--port', '80', '--direction', 'outbound', '--subset', 'v'],
  ['eds', '--port', '80', '--address', 'a', '--status', 'healthy'],
];

/** No output may hold what a terminal obeys. */
const OBEYED = /[\p{Cf}\p{Cs}\u2028\u2029]|(?!\n)\p{Cc}/u;

async function holds(path: string, calls: readonly string[][]): Promise<void> {
  for (const call of calls) {
    const { status, out, err } = await proxyConfig([...call, '--file', path], false);
    assert.ok([0, 1, 2].includes(status), `${status}`);
    assert.doesNotMatch(out, OBEYED, call.join(' '));
    assert.doesNotMatch(err, OBEYED, call.join(' '));
    assert.doesNotMatch(err, /\bat .*\.ts:\d/);
    assert.ok(status === 0 || /^(Error|Warning): /.test(err), err);
    assert.ok(err.length < 20_000);
  }
}

test('a dump that is changed anywhere is shown as far as it goes, or refused in words', async (t) => {
  const path = join(temporaryFolder(t), 'dump.json');
  await fc.assert(
    fc.asyncProperty(changes, fc.nat(CALLS.length - 1), async (list, first) => {
      writeFileSync(path, JSON.stringify(changed(DUMP, list)));
      await holds(path, [CALLS[first], CALLS[(first + 7) % CALLS.length], ...FILTERED]);
    }),
    { numRuns: 150 },
  );
});

test('so is what /clusters says', async (t) => {
  const path = join(temporaryFolder(t), 'clusters.json');
  await fc.assert(
    fc.asyncProperty(changes, async (list) => {
      writeFileSync(path, JSON.stringify(changed(CLUSTERS, list)));
      await holds(path, [['endpoints'], ['endpoints', '-o', 'yaml'], ['endpoints', '--status', 'healthy']]);
    }),
    { numRuns: 60 },
  );
});

test('a dump that is cut short is refused, wherever it is cut', async (t) => {
  const path = join(temporaryFolder(t), 'cut.json');
  const text = JSON.stringify(DUMP);
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length - 1), async (length) => {
      writeFileSync(path, text.slice(0, length));
      const { status, out, err } = await proxyConfig(['listeners', '-f', path], false);
      assert.deepEqual([status, out], [2, '']);
      assert.match(
        err,
        /^Error: error unmarshalling config dump response from Envoy: (unexpected end of JSON input|it is empty)/,
      );
    }),
    { numRuns: 100 },
  );
});

test('any bytes are refused in words', async (t) => {
  const path = join(temporaryFolder(t), 'bytes');
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      writeFileSync(path, bytes);
      await holds(path, [['clusters'], ['endpoints'], ['all', '-o', 'yaml']]);
    }),
    { numRuns: 60 },
  );
});
