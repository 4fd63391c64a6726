import assert from 'node:assert/strict';
import test from 'node:test';
import { checkImports } from './check-imports.ts';

function check(path: string, text: string): string[] {
  return checkImports([{ path, text }]);
}

test('an area imports itself and those below it, no others', () => {
  assert.deepEqual(
    check('src/config/read/a.ts', "import { x } from '#api/x.ts';\nimport { y } from '#config/y.ts';\n"),
    [],
  );
  assert.deepEqual(check('src/wire/a.ts', "\nimport { x } from '#config/x.ts';\n"), [
    'src/wire/a.ts:2: wire may not import #config (only base)',
  ]);
  assert.deepEqual(check('src/base/a.ts', "export type { X } from '#api/x.ts';\n").length, 1);
});

test('an import that spans lines or runs later is seen', () => {
  assert.equal(check('src/wire/a.ts', "import {\n  a,\n  b,\n} from '#config/x.ts';\n").length, 1);
  assert.equal(check('src/wire/a.ts', "const load = () => import('#config/x.ts');\n").length, 1);
});

test('an import that stands in a comment is none', () => {
  assert.deepEqual(
    check('src/wire/a.ts', "/*\nimport { x } from '#config/x.ts';\n*/\n// import('#config/y.ts')\n"),
    [],
  );
});

test('only the admin of the proxy may import explain', () => {
  assert.equal(check('src/proxy/http/a.ts', "import { x } from '#explain/x.ts';\n").length, 1);
  assert.deepEqual(check('src/proxy/admin/explain.ts', "import { x } from '#explain/x.ts';\n"), []);
});

test('only tests may import testing', () => {
  assert.equal(check('src/base/a.ts', "import { x } from '#testing/x.ts';\n").length, 1);
  assert.deepEqual(check('src/base/a.test.ts', "import { x } from '#testing/x.ts';\n"), []);
  assert.deepEqual(check('test/integration/a.ts', "import { x } from '#testing/x.ts';\n"), []);
});

test('generated types are imported as types', () => {
  assert.equal(check('src/config/a.ts', "import { X } from '#envoy/x_pb.d.ts';\n").length, 1);
  assert.deepEqual(check('src/config/a.ts', "import type { X } from '#envoy/x_pb.d.ts';\n"), []);
});

test('a package must be declared, and for more than development where the program needs it', () => {
  assert.match(check('src/api/a.ts', "import x from 'left-pad';\n")[0], /not in package.json/);
  assert.match(check('src/api/a.ts', "import { build } from 'esbuild';\n")[0], /development only/);
  assert.deepEqual(check('tools/a.ts', "import { build } from 'esbuild';\n"), []);
  assert.deepEqual(check('src/api/a.ts', "import { x } from '@bufbuild/protobuf/wkt';\n"), []);
});

test('a cycle is told with its way; types and later imports make none', () => {
  const files = (how: string) => [
    { path: 'src/base/a.ts', text: "import { b } from '#base/b.ts';\n" },
    { path: 'src/base/b.ts', text: how },
  ];
  assert.deepEqual(checkImports(files("import { a } from './a.ts';\n")), [
    'src/base/a.ts: imports itself: src/base/a.ts -> src/base/b.ts -> src/base/a.ts',
  ]);
  assert.deepEqual(checkImports(files("import type { A } from './a.ts';\n")), []);
  assert.deepEqual(checkImports(files("const later = () => import('#base/a.ts');\n")), []);
});
