/**
 * Inputs of generic matchers in access control: those of connections, and what is known of certificates, metadata and filter state.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/matching/matching_api (inputs).
 */
import type { MatchInput } from '#config/model/matcher-tree.ts';
import { metadataAt } from '#selection/match-metadata.ts';
import { connectionInput } from '#selection/matcher-input.ts';
import type { InputReader } from '#selection/matcher-tree.ts';
import type { RbacView } from '#selection/rbac/rbac-view.ts';

/** @throws for an input that is not ours: the configuration is checked before. */
export function rbacInput(input: MatchInput): InputReader<RbacView> {
  switch (input.kind) {
    case 'UriSanInput':
      return ({ connection: { tls } }) => joined(tls?.peer?.uriSans);
    case 'DnsSanInput':
      return ({ connection: { tls } }) => joined(tls?.peer?.dnsSans);
    case 'SubjectInput':
      return ({ connection: { tls } }) => tls?.peer?.subject || undefined;
    case 'FilterStateInput':
      return ({ filterState }) => text(filterState?.get(input.key));
    case 'DynamicMetadataInput':
      return ({ dynamicMetadata }) => text(metadataAt(dynamicMetadata, input.filter ?? '', input.path ?? []));
    default: {
      const read = connectionInput(input);
      return ({ connection }) => read(connection);
    }
  }
}

function joined(names: readonly string[] | undefined): string | undefined {
  return names === undefined || names.length === 0 ? undefined : names.join(',');
}

function text(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}
