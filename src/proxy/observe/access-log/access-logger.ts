/**
 * What the data path sees of an access log. Follows envoy.config.accesslog.v3.AccessLog.
 */
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export interface AccessLogger {
  /** Writes down what is known of the stream now, where its filter lets it. Nothing of `info` is kept. */
  log(info: StreamInfo): void;
}
