/**
 * Numbers that the runtime may override.
 * Follows envoy.config.core.v3.RuntimeDouble.
 */
import type { Place } from '#api/place.ts';
import type { RuntimeDouble } from '#config/model/matchers.ts';
import { honours } from '#config/read/support.ts';
import type { RuntimeDouble as Message } from '#envoy/config/core/v3/base_pb.js';

const check = honours('envoy.config.core.v3.RuntimeDouble', ['default_value', 'runtime_key']);

/** @param unset what holds where the field is not set. */
export function readRuntimeDouble(message: Message | undefined, at: Place, unset: RuntimeDouble): RuntimeDouble {
  if (message === undefined) return unset;
  check(message, at);
  return { defaultValue: message.defaultValue, runtimeKey: message.runtimeKey };
}
