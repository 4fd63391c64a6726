/**
 * Switches that the runtime may turn. Follows envoy.config.core.v3.RuntimeFeatureFlag.
 */
import type { Place } from '#api/place.ts';
import { honours } from '#config/read/support.ts';
import type { RuntimeFeatureFlag as Message } from '#envoy/config/core/v3/base_pb.js';

/** What holds where the runtime has no such key. */
export interface RuntimeFeatureFlag {
  runtimeKey: string;
  defaultValue: boolean;
}

const check = honours('envoy.config.core.v3.RuntimeFeatureFlag', ['default_value', 'runtime_key']);

/** @param unset what holds where the field is not set. */
export function readRuntimeFeatureFlag(message: Message | undefined, at: Place, unset: boolean): RuntimeFeatureFlag {
  if (message === undefined) return { runtimeKey: '', defaultValue: unset };
  check(message, at);
  return { runtimeKey: message.runtimeKey, defaultValue: message.defaultValue ?? unset };
}
