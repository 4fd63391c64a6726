/**
 * Does the same with real Envoy and with ours, on one bootstrap, and compares what was noted. With FAIRLEAD_SHOW=1 what was noted of Envoy
 * is printed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { both } from './attempted.ts';

type Note = (what: string, seen: unknown) => void;

/** @param run notes what is to be equal; whatever it notes must be there */
export function sameOnBoth(
  name: string,
  tree: object,
  run: (proxy: RunningProxy, note: Note) => Promise<void>,
  concurrency = 1,
): void {
  test(name, async (t) => {
    const observe = async (kind: ProxyKind) => {
      const proxy = await startProxy(t, tree, { kind, concurrency });
      const seen: Record<string, unknown> = {};
      await run(proxy, (what, one) => {
        seen[what] = one;
      });
      return seen;
    };
    const [envoy, ours] = await both(t, observe);
    if (process.env.FAIRLEAD_SHOW) t.diagnostic(JSON.stringify(envoy, null, 1));
    assert.ok(Object.keys(envoy).length > 0);
    assert.deepEqual(ours, envoy);
  });
}
