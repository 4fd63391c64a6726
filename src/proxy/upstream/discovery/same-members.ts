/**
 * Whether a new assignment of endpoints says anything new: as in Envoy, one that does not, in whatever order it names its hosts, changes
 * nothing, and counts as `update_no_rebuild`.
 * Follows config.endpoint.v3.ClusterLoadAssignment.
 */
import { isDeepStrictEqual } from 'node:util';
import { addressText } from '#config/model/address.ts';
import type { Endpoint, LoadAssignment, LocalityEndpoints } from '#config/model/cluster.ts';

/** What a cluster has before anybody has told of its members. */
export const NO_MEMBERS: LoadAssignment = {
  clusterName: '',
  endpoints: [],
  overprovisioningFactor: 140,
  weightedPriorityHealth: false,
  dropOverloads: [],
};

/** Whether both have the same members, of the same localities, weights and health. */
export function sameMembers(one: LoadAssignment, other: LoadAssignment): boolean {
  return (
    one.overprovisioningFactor === other.overprovisioningFactor &&
    one.weightedPriorityHealth === other.weightedPriorityHealth &&
    one.endpoints.length === other.endpoints.length &&
    one.endpoints.every((locality, i) => sameLocalities(locality, other.endpoints[i]))
  );
}

function sameLocalities(
  { endpoints: one, ...group }: LocalityEndpoints,
  { endpoints: other, ...otherGroup }: LocalityEndpoints,
): boolean {
  return one.length === other.length && isDeepStrictEqual(group, otherGroup) && sameEndpoints(one, other);
}

function sameEndpoints(one: readonly Endpoint[], other: readonly Endpoint[]): boolean {
  let rest: Map<string, Endpoint> | undefined;
  return other.every((endpoint, i) => {
    // Those of large assignments that were not read again are the same objects.
    if (rest === undefined && endpoint === one[i]) return true;
    rest ??= new Map(one.slice(i).map((known) => [addressText(known.address), known]));
    const text = addressText(endpoint.address);
    return isDeepStrictEqual(rest.get(text), endpoint) && rest.delete(text);
  });
}
