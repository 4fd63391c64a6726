/**
 * Reads how the clusters of a proxy do from `/stats?format=json` of its admin.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats.
 */

/** A cluster's requests since the proxy started. */
export interface ClusterStats {
  requests: number;
  ok: number;
  clientErrors: number;
  serverErrors: number;
  /** Milliseconds; undefined before the first answer. */
  p50?: number;
  p99?: number;
}

interface StatsJson {
  stats: (
    | { name: string; value: number }
    | { histograms: { supported_quantiles: number[]; computed_quantiles: HistogramJson[] } }
  )[];
}

interface HistogramJson {
  name: string;
  values: { cumulative: number | null }[];
}

/** @returns the stats by cluster; a cluster without requests has zeros. */
export async function fetchClusterStats(
  adminPort: number,
  clusters: readonly string[],
): Promise<Map<string, ClusterStats>> {
  const filter = `^cluster\\.(${clusters.join('|')})\\.upstream_rq_(completed|.xx|time)$`;
  const response = await fetch(`http://127.0.0.1:${adminPort}/stats?format=json&filter=${encodeURIComponent(filter)}`);
  return readClusterStats((await response.json()) as StatsJson, clusters);
}

/** @param json what the admin answers. */
export function readClusterStats(json: StatsJson, clusters: readonly string[]): Map<string, ClusterStats> {
  const values = new Map<string, number>();
  const quantiles = new Map<string, Map<number, number>>();
  for (const stat of json.stats) {
    if ('name' in stat) {
      values.set(stat.name, stat.value);
      continue;
    }
    const { supported_quantiles: names, computed_quantiles: histograms } = stat.histograms;
    for (const histogram of histograms) {
      const known = histogram.values.flatMap(({ cumulative }, index) =>
        cumulative === null ? [] : [[names[index], cumulative] as const],
      );
      quantiles.set(histogram.name, new Map(known));
    }
  }
  return new Map(
    clusters.map((cluster) => {
      const prefix = `cluster.${cluster}.upstream_rq_`;
      const count = (name: string) => values.get(prefix + name) ?? 0;
      const time = quantiles.get(`${prefix}time`);
      return [
        cluster,
        {
          requests: count('completed'),
          ok: count('2xx'),
          clientErrors: count('4xx'),
          serverErrors: count('5xx'),
          p50: time?.get(50),
          p99: time?.get(99),
        },
      ];
    }),
  );
}
