/**
 * Access loggers and the filters that choose what they log. Follows envoy.config.accesslog.v3.
 */
import type { Message } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import type { AccessLogConfig, AccessLogFilter } from '#config/model/access-log.ts';
import type { FormatConfig } from '#config/model/format.ts';
import { readAccessLogFilter } from '#config/read/access-log-filter.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { jsonBody, readFormat, textBody } from '#config/read/format.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { checkWritable } from '#config/read/writable-file.ts';
import type { AccessLog } from '#envoy/config/accesslog/v3/accesslog_pb.js';
import type { FileAccessLog } from '#envoy/extensions/access_loggers/file/v3/file_pb.js';
import type { StdoutAccessLog } from '#envoy/extensions/access_loggers/stream/v3/stream_pb.js';

const LOGGERS = 'envoy.extensions.access_loggers';
const FILE = `${LOGGERS}.file.v3.FileAccessLog`;
const STDOUT = `${LOGGERS}.stream.v3.StdoutAccessLog`;
const STDERR = `${LOGGERS}.stream.v3.StderrAccessLog`;

const check = honours('envoy.config.accesslog.v3.AccessLog', ['name', 'filter', 'typed_config']);
const checkFile = honours(FILE, ['path', 'format', 'json_format', 'typed_json_format', 'log_format']);
const checkStdout = honours(STDOUT, ['log_format']);
const checkStderr = honours(STDERR, ['log_format']);

export function readAccessLogs(messages: readonly AccessLog[], at: Place, context: ReadContext): AccessLogConfig[] {
  return readAll(messages, at, (message, place) => readAccessLog(message, place, context));
}

export function readAccessLog(message: AccessLog, at: Place, context: ReadContext): AccessLogConfig {
  check(message, at);
  const filter = message.filter === undefined ? undefined : readFilterOf(message, at);
  return { name: message.name, ...(filter === undefined ? {} : { filter }), sink: readSink(message, at, context) };
}

function readFilterOf({ filter }: AccessLog, at: Place): AccessLogFilter | undefined {
  return filter === undefined ? undefined : readAccessLogFilter(filter, at.field('filter'));
}

function readSink({ name, configType }: AccessLog, at: Place, context: ReadContext): AccessLogConfig['sink'] {
  const place = at.field('typed_config');
  const { typeName, typeUrl, message } = extensionMessage(configType.value, name, place, context);
  switch (typeName) {
    case FILE:
      checkFile(message, place);
      if (context.writesFiles) checkWritable((message as FileAccessLog).path, place.field('path'));
      return withFormat(
        { kind: 'file', path: (message as FileAccessLog).path },
        readFileFormat(message as FileAccessLog, place, context),
      );
    case STDOUT:
    case STDERR:
      (typeName === STDOUT ? checkStdout : checkStderr)(message, place);
      return withFormat(
        { kind: typeName === STDOUT ? 'stdout' : 'stderr' },
        readStreamFormat(message as StdoutAccessLog, place, context),
      );
    default: {
      const reader = context.extensions.find(typeName, 'access_logger');
      if (reader === undefined) throw unsupportedExtension(name, typeName, 'access_logger', place);
      return { kind: 'extension', typeUrl, config: reader.read(message as Message, place, context) };
    }
  }
}

function withFormat<S extends object>(sink: S, format: FormatConfig | undefined): S & { format?: FormatConfig } {
  return format === undefined ? sink : { ...sink, format };
}

function readStreamFormat(
  { accessLogFormat }: StdoutAccessLog,
  at: Place,
  context: ReadContext,
): FormatConfig | undefined {
  return accessLogFormat.case === undefined
    ? undefined
    : readFormat(accessLogFormat.value, at.field('log_format'), context);
}

function readFileFormat({ accessLogFormat }: FileAccessLog, at: Place, context: ReadContext): FormatConfig | undefined {
  const plain = { omitEmptyValues: false, contentType: '', sortProperties: false };
  switch (accessLogFormat.case) {
    case 'logFormat':
      return readFormat(accessLogFormat.value, at.field('log_format'), context);
    case 'format':
      return accessLogFormat.value === ''
        ? undefined
        : { ...plain, body: textBody(accessLogFormat.value, at.field('format')) };
    case 'jsonFormat':
      return { ...plain, body: jsonBody(accessLogFormat.value, at.field('json_format')) };
    case 'typedJsonFormat':
      return { ...plain, body: jsonBody(accessLogFormat.value, at.field('typed_json_format')) };
    default:
      return undefined;
  }
}
