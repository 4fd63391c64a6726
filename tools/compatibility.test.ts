import assert from 'node:assert/strict';
import test from 'node:test';
import { comparePages } from './compatibility.ts';
import { compatibilityPage } from './compatibility-page.ts';

const ADDRESS = {
  typeName: 'envoy.config.core.v3.Pipe',
  honoured: ['path'],
  withoutEffect: { mode: 'files have the mode of the process' },
  refused: {},
  where: '',
};

test('docs/compatibility.md is what the code says (else run tools/node tools/compatibility.ts)', async () => {
  const { present, wanted } = await comparePages();
  assert.ok(present === wanted, 'run tools/node tools/compatibility.ts');
});

test('a page has what is declared, and what is not', () => {
  const page = compatibilityPage('', {
    declarations: [ADDRESS],
    registered: ['envoy.extensions.wasm.v3.PluginConfig'],
  });
  assert.match(page, /### envoy\.config\.core\.v3\.Pipe\n\nAccepted: `path`\n/);
  assert.match(page, /\| `mode` \| no effect \| files have the mode of the process \|/);
  assert.match(page, /\| `wasm\.v3` \| accepted \| `PluginConfig` \|/);
  assert.match(page, /\| `filters\.http\.lua\.v3` \| not yet \| {2}\| `Lua`, `LuaPerRoute` \|/);
  assert.match(page, /\| `envoy\.config\.core\.v3` \| .*`HealthCheck`/);
});

test('what is written by hand stays', () => {
  const support = { declarations: [ADDRESS], registered: [] };
  const first = compatibilityPage('', support);
  const edited = first.replace('## Known differences\n', '## Known differences\n\n- one of them\n');
  assert.equal(compatibilityPage(edited, support), edited);
});
