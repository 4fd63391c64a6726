/**
 * Numbers that the runtime may override in Envoy.
 * Follows envoy.config.core.v3.RuntimeDouble.
 */
import type { Place } from '#api/place.ts';
import { honours } from '#config/read/support.ts';
import type { RuntimeDouble } from '#envoy/config/core/v3/base_pb.js';

const check = honours('envoy.config.core.v3.RuntimeDouble', ['default_value'], {
  withoutEffect: { runtime_key: 'the number that is written here stays' },
});

/** @param unset what holds where the field is not set. */
export function readRuntimeDouble(message: RuntimeDouble | undefined, at: Place, unset: number): number {
  if (message === undefined) return unset;
  check(message, at);
  return message.defaultValue;
}
