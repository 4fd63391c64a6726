/**
 * What every measure of the benchmark is: a row or more of the table, out of one run in which the proxies take turns.
 */
import { median } from '../median.ts';
import type { Peer, Started } from './peers.ts';
import { startPeer } from './peers.ts';
import { onStage, type Stage } from './stages.ts';

/** A line of the table. */
export interface Row {
  title: string;
  /** Text for each proxy that was measured. */
  values: Partial<Record<Peer, string>>;
  /** Ours over Envoy's; where the measure is another, it says so in its title. */
  ratio: number;
  must?: number;
  aim?: number;
  better: 'lower' | 'higher';
}

export interface Bench {
  backend: number;
  seconds: number;
  /** How often each proxy has its turn. */
  rounds: number;
}

export interface Measure {
  name: string;
  run(bench: Bench): Promise<Row[]>;
}

/** So many turns each proxy has at least where single ones spread widely: a stall of a few milliseconds decides over one of them. */
export const MANY_TURNS = 7;

/** @returns the same measurement with that many turns at least. */
export function inManyTurns(bench: Bench): Bench {
  return { ...bench, rounds: Math.max(bench.rounds, MANY_TURNS) };
}

/** Runs `act` on each proxy in turns, and gives the median of each value that it returned. */
export async function inTurns<K extends string>(
  bench: Bench,
  peers: readonly Peer[],
  bootstrap: object,
  act: (started: Started, peer: Peer, stage: Stage) => Promise<Record<K, number>>,
): Promise<Record<Peer, Record<K, number>>> {
  const turns = new Map<Peer, Record<K, number>[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round < bench.rounds; round++) {
    for (const [peer, values] of turns) {
      values.push(
        await onStage(async (stage) => act(await startPeer(stage, peer, bootstrap, bench.backend), peer, stage)),
      );
    }
  }
  const medians = [...turns].map(([peer, values]) => {
    const keys = Object.keys(values[0]) as K[];
    return [peer, Object.fromEntries(keys.map((key) => [key, median(values.map((value) => value[key]))]))];
  });
  return Object.fromEntries(medians) as Record<Peer, Record<K, number>>;
}
