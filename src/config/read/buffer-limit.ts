/**
 * How much of a request's body is kept for a second try. Follows `request_body_buffer_limit` of envoy.config.route.v3.Route and VirtualHost, and
 * `per_request_buffer_limit_bytes`, which it replaces.
 */

/** @returns bytes; undefined where nothing is set. */
export function readBufferLimit(message: {
  requestBodyBufferLimit?: bigint | undefined;
  perRequestBufferLimitBytes?: number | undefined;
}): number | undefined {
  const { requestBodyBufferLimit, perRequestBufferLimitBytes } = message;
  return requestBodyBufferLimit === undefined ? perRequestBufferLimitBytes : Number(requestBodyBufferLimit);
}
