/**
 * How answers of our own look. Follows envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig.
 */
import type { Place } from '#api/place.ts';
import type { LocalReplyConfig } from '#config/model/http-connection-manager.ts';
import { readAccessLogFilter } from '#config/read/access-log-filter.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDataSource } from '#config/read/data-source.ts';
import { readFormat } from '#config/read/format.ts';
import { readHeadersToAdd } from '#config/read/header-mutation.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type {
  LocalReplyConfig as LocalReplyMessage,
  ResponseMapper,
} from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const PACKAGE = 'envoy.extensions.filters.network.http_connection_manager.v3';
const check = honours(`${PACKAGE}.LocalReplyConfig`, ['mappers', 'body_format']);
const checkMapper = honours(`${PACKAGE}.ResponseMapper`, [
  'filter',
  'status_code',
  'body',
  'body_format_override',
  'headers_to_add',
]);

export function readLocalReply(message: LocalReplyMessage, at: Place, context: ReadContext): LocalReplyConfig {
  check(message, at);
  const { mappers, bodyFormat } = message;
  return {
    mappers: readAll(mappers, at.field('mappers'), (mapper, place) => readMapper(mapper, place, context)),
    ...(bodyFormat === undefined ? {} : { bodyFormat: readFormat(bodyFormat, at.field('body_format'), context) }),
  };
}

function readMapper(message: ResponseMapper, at: Place, context: ReadContext): LocalReplyConfig['mappers'][number] {
  checkMapper(message, at);
  const { filter, statusCode, body, bodyFormatOverride, headersToAdd } = message;
  if (filter === undefined) throw at.field('filter').missing();
  return {
    filter: readAccessLogFilter(filter, at.field('filter')),
    ...(statusCode === undefined ? {} : { statusCode }),
    ...(body === undefined ? {} : { body: readDataSource(body, at.field('body'), context).bytes }),
    ...(bodyFormatOverride === undefined
      ? {}
      : { bodyFormat: readFormat(bodyFormatOverride, at.field('body_format_override'), context) }),
    headersToAdd: readHeadersToAdd(headersToAdd, at.field('headers_to_add')),
  };
}
