/**
 * Routes that answer by themselves. Follows envoy.config.route.v3.DirectResponseAction.
 */
import type { Place } from '#api/place.ts';
import type { DirectResponseAction } from '#config/model/route.ts';
import { readWatchedSource } from '#config/read/data-source.ts';
import { readFormat } from '#config/read/format.ts';
import type { RouteContext } from '#config/read/route-context.ts';
import { honours } from '#config/read/support.ts';
import type { DataSource } from '#envoy/config/core/v3/base_pb.js';
import type { DirectResponseAction as DirectResponseMessage } from '#envoy/config/route/v3/route_components_pb.js';

const check = honours('envoy.config.route.v3.DirectResponseAction', ['status', 'body', 'body_format']);

export function readDirectResponse(
  message: DirectResponseMessage,
  at: Place,
  context: RouteContext,
): DirectResponseAction {
  check(message, at);
  const { status, body, bodyFormat } = message;
  return {
    kind: 'direct_response',
    status,
    ...(body === undefined ? {} : readBody(body, at.field('body'), context)),
    ...(bodyFormat === undefined ? {} : { bodyFormat: readFormat(bodyFormat, at.field('body_format'), context) }),
  };
}

/** Bodies stay in memory with the route table, so that their size has a limit. */
function readBody(body: DataSource, at: Place, context: RouteContext): Pick<DirectResponseAction, 'body' | 'file'> {
  const { bytes, path, directory } = readWatchedSource(body, at, context);
  const limit = context.maxDirectResponseBodySizeBytes;
  const watched = path !== '' && directory !== '';
  // As in Envoy, a limit of 0 is none.
  if (limit === 0 || bytes.length <= limit)
    return { body: bytes, ...(watched ? { file: { path, directory, limit } } : {}) };
  const what = path === '' ? 'response body' : `file ${path}`;
  throw at.problem(`${what} size is ${bytes.length} bytes; maximum is ${limit}`);
}
