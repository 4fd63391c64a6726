/**
 * Every table, JSON and YAML of `fairlead proxy-config` is that of real istioctl, byte for byte. See test/golden/README.md.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { proxyConfig } from '#cli/commands/proxy-config.ts';
import { goldenScenario, goldenScenarios, shellWords } from '#testing/istioctl-golden.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

for (const name of goldenScenarios()) {
  test(`${name}: what istioctl prints of these proxies, proxy-config prints`, async (t) => {
    const { inputs, outputs, commands } = goldenScenario(name);
    const folder = temporaryFolder(t);
    for (const [file, dump] of Object.entries(inputs)) writeFileSync(join(folder, file), JSON.stringify(dump));
    assert.ok(commands.length > 100);
    for (const [file, line, output] of commands) {
      const words = shellWords(line).slice(2);
      const args = words.map((word) => (word in inputs ? join(folder, word) : word));
      const { status, out, err } = await proxyConfig(args, false);
      assert.equal(out + err, outputs[output], `${file}: ${line}`);
      assert.equal(status, err === '' ? 0 : 1, file);
    }
  });
}
