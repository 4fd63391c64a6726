/**
 * Every request to every connection manager: what the upstream gets and what comes back, ours beside real Envoy.
 */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, staticCluster } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get } from './subject.ts';

/**
 * @param managers fields of connection managers, by the names of their listeners
 * @param requests headers of requests for `/`, by what is special in them
 * @param counters names of stats that must be the same as well
 */
export function managersByRequests(
  title: string,
  managers: Record<string, Json>,
  requests: Record<string, string[]>,
  counters?: RegExp,
): void {
  const cases: Case[] = Object.keys(managers).flatMap((listener) =>
    Object.entries(requests).map(([name, headers]) => ({
      name: `${listener}: ${name}`,
      listener,
      send: get('/', ...headers),
      status: 200,
    })),
  );
  test(title, async (t) => {
    await compare(t, {
      upstreams: { c: answer('hello') },
      bootstrap: ({ c }) =>
        bootstrap(
          Object.entries(managers).map(([name, manager]) => httpListener({ name, manager })),
          [staticCluster('c', [c])],
        ),
      ...(counters === undefined ? {} : { counters }),
      cases,
    });
  });
}
