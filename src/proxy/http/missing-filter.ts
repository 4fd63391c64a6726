/**
 * What stands in the place of a filter whose configuration nobody could fetch: it answers 500.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/extension#discovery-service
 */
import { type HttpFilter, Stop } from '#proxy/http/filter.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { Flag } from '#proxy/observe/response-flags.ts';

export const missingFilter: HttpFilter = {
  name: 'missing',
  message: '',
  config: () => undefined,
  request(stream) {
    stream.flags |= Flag.NoFilterConfigFound;
    sendLocalReply(stream, 500, '', '');
    return Stop;
  },
};
