import assert from 'node:assert/strict';
import test from 'node:test';
import { checkDocs, checkMentions } from './check-docs.ts';

const README = { path: 'README.md', text: '[docs](docs/README.md)\n' };

test('a link to a file that does not exist is found, one that stands in code is none', () => {
  assert.deepEqual(checkDocs([{ path: 'README.md', text: '[a](docs/nowhere.md)' }]), [
    'README.md: link to docs/nowhere.md, which does not exist',
  ]);
  assert.deepEqual(checkDocs([{ path: 'README.md', text: '```\n[a](nowhere.md)\n```\n[b](https://a.test/x)' }]), []);
});

test('a link to a heading needs that heading', () => {
  const page = (text: string) => [{ path: 'README.md', text }];
  assert.deepEqual(checkDocs(page('# Two words, `code`\n[a](#two-words-code)')), []);
  assert.equal(checkDocs(page('# Two words\n[a](#three-words)')).length, 1);
});

test('a page that no index links is found', () => {
  const index = { path: 'docs/README.md', text: '' };
  const page = { path: 'docs/proxy.md', text: '' };
  assert.match(checkDocs([README, index, page])[0], /^docs\/proxy.md: linked from neither/);
});

test('commands, flags and samples that no page names are found', () => {
  const problems = checkMentions([]).join('\n');
  assert.match(problems, /no page tells of 'fairlead sample'/);
  assert.match(problems, /docs\/proxy.md: no --concurrency/);
  assert.match(problems, /docs\/samples.md: no front-proxy/);
});
