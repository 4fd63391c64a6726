/**
 * The file of one trace: messages of envoy.data.tap.v3.TraceWrapper one after the other, in the format that was asked for. It is made
 * when there is something to write.
 * Follows envoy.config.tap.v3.FilePerTapSink and OutputSink.Format.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { fromJson, type JsonObject, type Message, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { toTree } from '#api/encode.ts';
import { messageType } from '#api/registry.ts';
import { toText } from '#api/text-format.ts';
import { logger } from '#base/logger.ts';
import type { TapConfig, TapFormat } from '#config/model/tap.ts';

/** Fields of a message by the names of the proto file, in the JSON that stands for it. */
export type Fields = JsonObject;

const EXTENSIONS: Record<TapFormat, string> = {
  JSON_BODY_AS_BYTES: '.json',
  JSON_BODY_AS_STRING: '.json',
  PROTO_BINARY: '.pb',
  PROTO_BINARY_LENGTH_DELIMITED: '.pb_length_delimited',
  PROTO_TEXT: '.pb_text',
};

export class TraceFile {
  private readonly path: string;
  private readonly format: TapFormat;
  private file: number | undefined;
  /** It could not be written: there will be no more of it. */
  private failed = false;

  constructor({ pathPrefix, format }: TapConfig, traceId: bigint) {
    this.path = `${pathPrefix}_${traceId}${EXTENSIONS[format]}`;
    this.format = format;
  }

  /** @param trace the fields of a TraceWrapper */
  write(trace: Fields): void {
    if (this.failed) return;
    try {
      this.file ??= openSync(this.path, 'w');
      writeSync(this.file, encode(trace, this.format));
    } catch (error) {
      this.failed = true;
      logger('tap').warning(`a trace is lost: ${(error as Error).message}`);
    }
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }
}

function encode(trace: Fields, format: TapFormat): Uint8Array {
  const type = messageType('envoy.data.tap.v3.TraceWrapper');
  const message: Message = fromJson(type, trace);
  switch (format) {
    case 'PROTO_BINARY':
      return toBinary(type, message);
    case 'PROTO_BINARY_LENGTH_DELIMITED':
      return new BinaryWriter().bytes(toBinary(type, message)).finish();
    case 'PROTO_TEXT':
      return Buffer.from(toText(type, message));
    default:
      return Buffer.from(jsonText(toTree(type, message, { protoNames: true, alwaysEmitImplicit: true })));
  }
}

/** As protobuf's library prints it, which spares readers of HTML from its brackets. */
function jsonText(tree: object): string {
  const text = JSON.stringify(tree, null, 1);
  return `${text.replace(/[<>]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`)}\n`;
}
