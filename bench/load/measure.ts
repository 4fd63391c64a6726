/**
 * What every measure of the benchmark is: a row or more of the table, out of one run in which the proxies take turns.
 */
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

/** Runs `act` on each proxy in turns, and gives the mean of what it returned. */
export async function inTurns<K extends string>(
  bench: Bench,
  peers: readonly Peer[],
  bootstrap: object,
  act: (started: Started, peer: Peer, stage: Stage) => Promise<Record<K, number>>,
): Promise<Record<Peer, Record<K, number>>> {
  const sums = new Map<Peer, Record<K, number>>();
  for (let round = 0; round < bench.rounds; round++) {
    for (const peer of peers) {
      const values = await onStage(async (stage) =>
        act(await startPeer(stage, peer, bootstrap, bench.backend), peer, stage),
      );
      const sum = sums.get(peer);
      if (sum === undefined) sums.set(peer, { ...values });
      else for (const key of Object.keys(values) as K[]) sum[key] += values[key];
    }
  }
  for (const sum of sums.values()) for (const key of Object.keys(sum) as K[]) sum[key] /= bench.rounds;
  return Object.fromEntries(sums) as Record<Peer, Record<K, number>>;
}
