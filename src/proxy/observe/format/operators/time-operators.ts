/**
 * Points in time: when a stream began, when its line is written. Without a format: `2026-01-31T23:59:59.123Z`.
 */
import type { FormatContext } from '#proxy/observe/format/format-context.ts';
import { type OperatorDefinition, type OperatorTable, textOperator } from '#proxy/observe/format/operator.ts';
import { compileTimeFormat } from '#proxy/observe/format/time-format.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export const timeOperators: OperatorTable = {
  START_TIME: timeOperator('utc', () => (info) => info.startTime),
  START_TIME_LOCAL: timeOperator('local', () => (info) => info.startTime),
  EMIT_TIME: timeOperator(
    'utc',
    ({ clock }) =>
      () =>
        clock.wall(),
  ),
  EMIT_TIME_LOCAL: timeOperator(
    'local',
    ({ clock }) =>
      () =>
        clock.wall(),
  ),
};

/** @param pick gives milliseconds since the epoch, or undefined where there is no such time */
export function timeOperator(
  zone: 'utc' | 'local',
  pick: (context: FormatContext) => (info: StreamInfo) => number | undefined,
): OperatorDefinition {
  return (argument, _maxLength, context) => {
    const write = compileTimeFormat(argument, zone);
    const read = pick(context);
    return textOperator((info) => {
      const time = read(info);
      return time === undefined ? undefined : write(time);
    });
  };
}
