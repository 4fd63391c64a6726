/**
 * How the program's own log is written. Follows envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig.
 */
import type { Place } from '#api/place.ts';
import { honours } from '#config/read/support.ts';
import type { Bootstrap_ApplicationLogConfig } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';

const TYPE = 'envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig';
const check = honours(TYPE, ['log_format']);
const checkFormat = honours(`${TYPE}.LogFormat`, ['json_format', 'text_format']);

/** Flags whose text would break a JSON string. */
const UNSAFE = ['%v', '%_'];

/** @returns spdlog's pattern; undefined where nothing is said of it */
export function readApplicationLog(message: Bootstrap_ApplicationLogConfig | undefined, at: Place): string | undefined {
  if (message?.logFormat === undefined) return undefined;
  check(message, at);
  const place = at.field('log_format');
  checkFormat(message.logFormat, place);
  const { logFormat: format } = message.logFormat;
  if (format.case !== 'jsonFormat') return format.value;
  const pattern = JSON.stringify(format.value);
  const unsafe = UNSAFE.find((flag) => pattern.includes(flag));
  if (unsafe !== undefined) {
    const words = `setJsonLogFormat error: INVALID_ARGUMENT: Usage of ${unsafe} is unavailable for JSON log formats`;
    throw place.field('json_format').problem(words);
  }
  return pattern;
}
