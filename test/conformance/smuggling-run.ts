/** Sends smuggling cases to a proxy, each on a connection of its own, and says in the cases' words what came of them. */
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, routeConfig, routeTo, staticCluster } from '#testing/bootstrap.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import type { Scope } from '#testing/scope.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import type { WireClient } from '#testing/wire-client.ts';
import type { SmugglingCase } from './smuggling-cases.ts';

export interface SmugglingOutcome {
  answers: string;
  upstream: string;
}

/** How many connections at once. */
const WIDTH = 16;

export async function runSmuggling(
  t: Scope,
  kind: ProxyKind,
  cases: readonly SmugglingCase[],
): Promise<SmugglingOutcome[]> {
  const upstream = await startUpstream(t, answer('ok'));
  const proxy = await startProxy(t, smugglingBootstrap(upstream.port), { kind });
  const answers: string[] = [];
  const wires: WireClient[] = [];
  for (let from = 0; from < cases.length; from += WIDTH) {
    const several = cases.slice(from, from + WIDTH).map(async (one, i) => {
      const wire = await proxy.connect();
      wires.push(wire);
      answers[from + i] = await send(wire, own(one.bytes, from + i), one);
    });
    await Promise.all(several);
  }
  for (const wire of wires) wire.destroy();

  return cases.map((_, number) => {
    const mine = upstream.requests.filter(({ head }) => head.split(' ')[1].endsWith(`${number + 1000}`));
    const whole = mine.filter(({ message }) => message !== undefined);
    return {
      answers: answers[number],
      upstream: whole.map(({ head }) => (head.includes('/f') ? '/first' : '/second')).join(' '),
    };
  });
}

/** Gives the case's targets its number, so that what the upstream saw can be told apart; lengths stay. */
function own(bytes: string, number: number): string {
  return bytes.replaceAll('/first', `/f${number + 1000}`).replaceAll('/second', `/se${number + 1000}`);
}

async function send(wire: WireClient, bytes: string, one: SmugglingCase): Promise<string> {
  await wire.send(bytes);
  const wanted = [one.answers, one.envoy?.answers ?? ''].map((answers) => answers.split(' ').length);
  const statuses: (number | string)[] = [];
  const method = bytes.startsWith('HEAD') ? 'HEAD' : 'GET';
  try {
    // One more than wanted: what nobody expects must show. It is given less time than what is.
    for (let i = 0; i < Math.max(...wanted) + 1; i++) {
      wire.patience = i < Math.min(...wanted) && one.answers !== 'waits' ? 3000 : 250;
      statuses.push((await wire.response(i === 0 ? method : 'GET')).status);
    }
  } catch {
    if (wire.ending !== undefined) statuses.push('closed');
    else if (statuses.length === 0) statuses.push('waits');
  }
  return statuses.join(' ');
}

function smugglingBootstrap(port: number): object {
  const direct = { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'direct' } } };
  const manager = {
    codec_type: 'HTTP1',
    delayed_close_timeout: '0.05s',
    ...routeConfig([direct, routeTo('/f', 'c'), routeTo('/se', 'c')]),
  };
  return bootstrap([httpListener({ manager })], [staticCluster('c', [port])]);
}
