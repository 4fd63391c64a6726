/**
 * Where the admin API is served. Follows envoy.config.bootstrap.v3.Admin.
 */
import type { Place } from '#api/place.ts';
import type { AccessLogConfig } from '#config/model/access-log.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import { readAccessLogs } from '#config/read/access-log.ts';
import { readAddress } from '#config/read/address.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readAll } from '#config/read/read-all.ts';
import { readSocketOptions } from '#config/read/socket-options.ts';
import { readStringMatcher } from '#config/read/string-matcher.ts';
import { honours } from '#config/read/support.ts';
import { checkWritable } from '#config/read/writable-file.ts';
import type { Admin } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';

const check = honours('envoy.config.bootstrap.v3.Admin', [
  'access_log',
  'access_log_path',
  'address',
  'profile_path',
  'allow_paths',
  'ignore_global_conn_limit',
  'socket_options',
]);

const DEFAULT_PROFILE_PATH = '/var/log/envoy/envoy.prof';

/** @returns undefined where no address is given: there is no admin API then. */
export function readAdmin(message: Admin | undefined, at: Place, context: ReadContext): Snapshot['admin'] {
  if (message === undefined) return undefined;
  check(message, at);
  const accessLog = readAccessLogs(message.accessLog, at.field('access_log'), context);
  if (message.accessLogPath !== '') {
    if (context.writesFiles) checkWritable(message.accessLogPath, at.field('access_log_path'));
    accessLog.push(fileLog(message.accessLogPath));
  }
  const allowPaths = readAll(message.allowPaths, at.field('allow_paths'), readStringMatcher);
  if (message.address === undefined) return undefined;
  const address = readAddress(message.address, at.field('address'));
  if (address.kind === 'internal') {
    throw at.field('address').problem('the admin API cannot listen on an internal address');
  }
  const socketOptions = readSocketOptions(message.socketOptions, at.field('socket_options'), 'stream');
  if (address.kind === 'pipe' && socketOptions.length > 0) {
    throw at.field('socket_options').problem('socket options are for IP addresses');
  }
  const { ignoreGlobalConnLimit, profilePath } = message;
  return {
    address,
    accessLog,
    profilePath: profilePath || DEFAULT_PROFILE_PATH,
    allowPaths,
    socketOptions,
    ignoreGlobalConnLimit,
  };
}

/** The old way to ask for an access log: a file in the default format, beside those of `access_log`. */
function fileLog(path: string): AccessLogConfig {
  return { name: 'envoy.access_loggers.file', sink: { kind: 'file', path } };
}
