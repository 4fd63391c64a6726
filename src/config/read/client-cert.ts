/**
 * What the next hop is told of the client's certificate, for all requests, and for those that a generic matcher picks.
 * Follows HttpConnectionManager.forward_client_cert_details, set_current_client_cert_details and forward_client_cert_matcher.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { ClientCertForwarding, HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import { unknownExtension } from '#config/read/extensions.ts';
import { ROUTE_INPUTS } from '#config/read/matcher-input.ts';
import { type ActionMessage, readMatcherTree } from '#config/read/matcher-tree.ts';
import { honours } from '#config/read/support.ts';
import type {
  HttpConnectionManager_ForwardClientCertConfig as ForwardClientCertConfig,
  HttpConnectionManager as HttpConnectionManagerMessage,
} from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const TYPE = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ACTION = `${TYPE}.ForwardClientCertConfig`;
const checkAction = honours(ACTION, ['forward_client_cert_details', 'set_current_client_cert_details']);
const TOLD = ['subject', 'cert', 'chain', 'dns', 'uri', 'issuer'] as const;
const checkTold = honours(`${TYPE}.SetCurrentClientCertDetails`, [...TOLD, 'format']);

/** The number of ForwardClientCertFormat.JSON. */
const JSON_FORMAT = 1;

/** By number of ForwardClientCertDetails. */
const DETAILS: readonly ClientCertForwarding['details'][] = [
  'SANITIZE',
  'FORWARD_ONLY',
  'APPEND_FORWARD',
  'SANITIZE_SET',
  'ALWAYS_FORWARD_ONLY',
];

export function readClientCert(
  message: HttpConnectionManagerMessage,
  at: Place,
): Pick<HttpConnectionManager, 'clientCert' | 'clientCertMatcher'> {
  const clientCert = readForwarding(message, at);
  const { forwardClientCertMatcher: matcher } = message;
  if (matcher === undefined) return { clientCert };
  const place = at.field('forward_client_cert_matcher');
  return { clientCert, clientCertMatcher: readMatcherTree(matcher, place, ROUTE_INPUTS, readAction) };
}

function readAction({ name, typedConfig }: ActionMessage, at: Place): ClientCertForwarding {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName !== ACTION) throw unknownExtension(name, type.typeName, place);
  checkAction(message, place);
  return readForwarding(message as ForwardClientCertConfig, place);
}

/** Both messages have the same fields. */
function readForwarding(
  {
    forwardClientCertDetails,
    setCurrentClientCertDetails: told,
  }: HttpConnectionManagerMessage | ForwardClientCertConfig,
  at: Place,
): ClientCertForwarding {
  if (told !== undefined) checkTold(told, at.field('set_current_client_cert_details'));
  return {
    details: DETAILS[forwardClientCertDetails] ?? 'SANITIZE',
    told: Object.fromEntries(TOLD.map((one) => [one, told?.[one] ?? false])) as ClientCertForwarding['told'],
    format: told?.format === JSON_FORMAT ? 'JSON' : 'TEXT',
  };
}
