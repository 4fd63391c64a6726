/**
 * Principals by a validated client certificate. Follows envoy.extensions.rbac.principals.mtls_authenticated.v3.Config.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { RbacPrincipal, SanType } from '#config/model/rbac.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { readStringMatcher } from '#config/read/string-matcher.ts';
import { honours } from '#config/read/support.ts';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';
import type { Config } from '#envoy/extensions/rbac/principals/mtls_authenticated/v3/mtls_authenticated_pb.js';

const MESSAGE = 'envoy.extensions.rbac.principals.mtls_authenticated.v3.Config';
const NAME = 'envoy.rbac.principals.mtls_authenticated';
const check = honours(MESSAGE, ['san_matcher', 'any_validated_client_certificate']);

/** By number of SubjectAltNameMatcher.SanType. */
const SAN_TYPES: readonly (SanType | undefined)[] = [undefined, 'EMAIL', 'DNS', 'URI', 'IP_ADDRESS'];

export function readMtlsPrincipal({ name, typedConfig }: TypedExtensionConfig, at: Place): RbacPrincipal {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName !== MESSAGE) throw unsupportedExtension(name, type.typeName, 'rbac_principal', place);
  check(message, place);
  const { sanMatcher, anyValidatedClientCertificate } = message as Config;
  if (sanMatcher === undefined) {
    if (anyValidatedClientCertificate !== undefined) return { kind: 'mtls_authenticated' };
    throw place.problem(
      `${NAME} did not have any configured validation. At least one configuration field must be set.`,
    );
  }
  const inside = place.field('san_matcher');
  const sanType = SAN_TYPES[sanMatcher.sanType];
  if (sanType === undefined) throw inside.field('san_type').unsupported('other names of certificates come later');
  if (sanMatcher.matcher === undefined) throw inside.field('matcher').missing();
  const matcher = readStringMatcher(sanMatcher.matcher, inside.field('matcher'));
  return { kind: 'mtls_authenticated', san: { type: sanType, matcher } };
}
