import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DumpError } from '#dump/dump-error.ts';
import { explainAllHosts } from '#explain/all-hosts.ts';
import { explain } from '#explain/explain.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';
import { renderExplanation } from '#explain/render-explanation.ts';
import { changed, changes } from '#testing/changed-dump.ts';
import { explainedDump } from '#testing/explained-dump.ts';
import { goldenDumps, goldenScenario } from '#testing/istioctl-golden.ts';

const DUMPS = [
  goldenScenario('bookinfo-policies').inputs['productpage-v1.config_dump.json'],
  goldenDumps('authz').web,
  goldenDumps('authz').jwt,
];
const QUERIES: ExplainQuery[] = [
  { url: 'http://reviews:9080/reviews/1', method: 'GET', headers: [['end-user', 'jason']], alpn: [] },
  {
    url: 'http://10.244.1.70:8080/a?b',
    method: 'POST',
    headers: [],
    alpn: [],
    direction: 'inbound',
    peer: 'spiffe://a/ns/shop/sa/b',
  },
  { url: 'https://jwt.shop:443/', method: 'GET', headers: [], alpn: ['h2'] },
];
/** What a terminal obeys, but for line breaks. */
const OBEYED = /[\p{Cf}\p{Cs}\u2028\u2029]|(?!\n)\p{Cc}/u;

test('whatever a dump holds, a request is explained as far as it goes', () => {
  fc.assert(
    fc.property(changes, fc.nat(DUMPS.length - 1), (list, which) => {
      try {
        const configuration = explainedDump(changed(DUMPS[which], list));
        for (const query of QUERIES) {
          const text = renderExplanation(explain(configuration, query), { color: false });
          assert.doesNotMatch(text, OBEYED);
        }
        explainAllHosts(configuration, QUERIES[0]);
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
      }
    }),
    { numRuns: 60 },
  );
});
