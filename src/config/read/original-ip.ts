/**
 * Where the client's address is found. Follows envoy.extensions.http.original_ip_detection.{xff,custom_header}.v3.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { OriginalIpDetector } from '#config/model/original-ip.ts';
import { readCidrRanges } from '#config/read/address.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';
import type { HttpConnectionManager } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { CustomHeaderConfig } from '#envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header_pb.js';
import type { XffConfig } from '#envoy/extensions/http/original_ip_detection/xff/v3/xff_pb.js';

const EXTENSIONS = 'envoy.extensions.http.original_ip_detection';
const XFF = `${EXTENSIONS}.xff.v3.XffConfig`;
const CUSTOM_HEADER = `${EXTENSIONS}.custom_header.v3.CustomHeaderConfig`;
const checkXff = honours(XFF, ['xff_num_trusted_hops', 'xff_trusted_cidrs', 'skip_xff_append']);
const checkRanges = honours(`${EXTENSIONS}.xff.v3.XffTrustedCidrs`, ['cidrs']);
const checkHeader = honours(CUSTOM_HEADER, [
  'header_name',
  'allow_extension_to_set_address_as_trusted',
  'reject_with_status',
]);

const FORBIDDEN = 403;

/** @returns undefined where there are none: x-forwarded-for is gone by as the manager says */
export function readOriginalIpDetection(message: HttpConnectionManager, at: Place): OriginalIpDetector[] | undefined {
  const { originalIpDetectionExtensions: extensions } = message;
  if (extensions.length === 0) return undefined;
  const mixed = (field: string) => `Original IP detection extensions and ${field} may not be mixed`;
  if (message.useRemoteAddress) throw at.field('use_remote_address').problem(mixed('use_remote_address'));
  if (message.xffNumTrustedHops > 0) throw at.field('xff_num_trusted_hops').problem(mixed('xff_num_trusted_hops'));
  return readAll(extensions, at.field('original_ip_detection_extensions'), readDetector);
}

function readDetector({ name, typedConfig }: TypedExtensionConfig, at: Place): OriginalIpDetector {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  switch (type.typeName) {
    case XFF:
      return readXff(message as XffConfig, place);
    case CUSTOM_HEADER:
      return readCustomHeader(message as CustomHeaderConfig, place);
    default:
      throw unsupportedExtension(name, type.typeName, 'original_ip_detection', place);
  }
}

function readXff(message: XffConfig, at: Place): OriginalIpDetector {
  checkXff(message, at);
  const { xffNumTrustedHops: trustedHops, xffTrustedCidrs: trusted } = message;
  if (trusted !== undefined && trustedHops > 0)
    throw at.field('xff_trusted_cidrs').problem('Cannot set both xff_num_trusted_hops and xff_trusted_cidrs');
  const detector = { kind: 'xff' as const, trustedHops, skipsAppend: message.skipXffAppend ?? true };
  if (trusted === undefined) return detector;
  const place = at.field('xff_trusted_cidrs');
  checkRanges(trusted, place);
  return { ...detector, trustedRanges: readCidrRanges(trusted.cidrs, place.field('cidrs')) };
}

function readCustomHeader(message: CustomHeaderConfig, at: Place): OriginalIpDetector {
  checkHeader(message, at);
  const { headerName, allowExtensionToSetAddressAsTrusted: trusted, rejectWithStatus } = message;
  const code = rejectWithStatus?.code;
  return {
    kind: 'custom_header',
    name: headerName.toLowerCase(),
    trusted,
    // As in Envoy: what would be no error is 403.
    ...(code === undefined ? {} : { rejectStatus: code >= 400 ? code : FORBIDDEN }),
  };
}
