/**
 * One call on its way between JSON over HTTP and gRPC: pieces of bodies in, pieces out, whatever streams.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_json_transcoder_filter
 */
import { type DescMessage, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import type { Binding } from '#proxy/http/transcoding/http-template.ts';
import { BadRequest, requestMessage } from '#proxy/http/transcoding/request-message.ts';
import type { TranscodedMethod, TranscodedMethods } from '#proxy/http/transcoding/transcoded-methods.ts';
import { FRAME_HEAD, frameHead } from '#wire/grpc/message-frames.ts';

export interface PrintOptions {
  addWhitespace: boolean;
  alwaysPrintPrimitiveFields: boolean;
  alwaysPrintEnumsAsInts: boolean;
  preserveProtoFieldNames: boolean;
  streamNewlineDelimited: boolean;
  streamSseStyleDelimited: boolean;
}

const HTTP_BODY = 'google.api.HttpBody';
const COMPRESSED = 1;
const NOTHING = new Uint8Array();

/** google.api.HttpBody */
interface HttpBody {
  contentType: string;
  data: Uint8Array;
}

export class Transcoding {
  readonly rule: TranscodedMethod;
  /** The body of the answer is not JSON but what an HttpBody says that it is. */
  readonly rawAnswer: boolean;
  private readonly methods: TranscodedMethods;
  private readonly bindings: readonly Binding[];
  private readonly print: PrintOptions;
  private readonly request: Buffer[] = [];
  private rest: Buffer = Buffer.alloc(0);
  private answers = 0;
  /** The size of the largest message so far, with its head, as far as it came. */
  largest = 0;
  /** Of an HttpBody that came. */
  contentType = '';

  constructor(rule: TranscodedMethod, methods: TranscodedMethods, bindings: readonly Binding[], print: PrintOptions) {
    this.rule = rule;
    this.methods = methods;
    this.bindings = bindings;
    this.print = print;
    this.rawAnswer = bodyType(rule.method.output, rule.responseBody || '*')?.typeName === HTTP_BODY;
  }

  /** The request is one message. */
  get unaryRequest(): boolean {
    return this.rule.method.methodKind === 'unary' || this.rule.method.methodKind === 'server_streaming';
  }

  get unaryAnswer(): boolean {
    return this.rule.method.methodKind === 'unary' || this.rule.method.methodKind === 'client_streaming';
  }

  /** The content type of the answer. */
  get answerType(): string {
    return !this.unaryAnswer && this.print.streamSseStyleDelimited ? 'text/event-stream' : 'application/json';
  }

  addRequest(chunk: Buffer): void {
    this.request.push(Buffer.from(chunk));
  }

  /** @returns the frames of the request, all of whose body was added. @throws BadRequest */
  requestFrames(contentType: string): Buffer {
    const { rule, bindings } = this;
    const { input } = rule.method;
    const body = Buffer.concat(this.request);
    if (bodyType(input, rule.body)?.typeName === HTTP_BODY) return framed(this.httpBody(body, contentType));
    const registry = this.methods.registry;
    const json = body.length === 0 || rule.body === '' ? undefined : parse(body);
    if (this.unaryRequest) return framed(requestMessage(input, registry, rule.body, json, bindings));
    const list = json === undefined ? [] : Array.isArray(json) ? json : [json];
    return Buffer.concat(list.map((each) => framed(requestMessage(input, registry, rule.body, each, bindings))));
  }

  /** @returns what of the answer can be told. @throws Error where it is no gRPC */
  answer(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.rest, chunk]);
    const out: string[] = [];
    const raw: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD) {
      const end = at + FRAME_HEAD + bytes.readUInt32BE(at + 1);
      this.largest = Math.max(this.largest, Math.min(end, bytes.length) - at);
      if (bytes.length < end) break;
      if ((bytes[at] & COMPRESSED) !== 0) throw new Error('a compressed message cannot be told in JSON');
      const message = bytes.subarray(at + FRAME_HEAD, end);
      if (this.rawAnswer) raw.push(this.rawBody(message));
      else out.push(this.printed(message));
      at = end;
    }
    this.rest = bytes.subarray(at);
    return this.rawAnswer ? Buffer.concat(raw) : Buffer.from(out.join(''));
  }

  /** What ends the answer. */
  answerEnd(): string {
    const { print, answers } = this;
    if (this.rawAnswer || this.unaryAnswer || print.streamNewlineDelimited || print.streamSseStyleDelimited) return '';
    return answers === 0 ? '[]' : ']';
  }

  private printed(bytes: Buffer): string {
    const { print } = this;
    const type = this.rule.method.output;
    const json = toJson(type, fromBinary(type, bytes), {
      registry: this.methods.registry,
      alwaysEmitImplicit: print.alwaysPrintPrimitiveFields,
      enumAsInteger: print.alwaysPrintEnumsAsInts,
      useProtoFieldName: print.preserveProtoFieldNames,
    });
    const text =
      JSON.stringify(json, undefined, print.addWhitespace ? 1 : undefined) + (print.addWhitespace ? '\n' : '');
    const first = this.answers++ === 0;
    if (this.unaryAnswer) return text;
    if (print.streamSseStyleDelimited) return `data: ${text}\n\n`;
    if (print.streamNewlineDelimited) return `${text}\n`;
    return `${first ? '[' : ','}${text}`;
  }

  private httpBody(data: Buffer, contentType: string): Uint8Array {
    const { rule, bindings, methods } = this;
    const json = { contentType, data: data.toString('base64') };
    return requestMessage(rule.method.input, methods.registry, rule.body, json, bindings);
  }

  private rawBody(bytes: Buffer): Buffer {
    const { method, responseBody } = this.rule;
    const message = fromBinary(method.output, bytes) as unknown as HttpBody & Record<string, HttpBody | undefined>;
    const field = method.output.fields.find(({ name }) => name === responseBody)?.localName;
    const { contentType, data } = (field === undefined ? message : message[field]) ?? {
      contentType: '',
      data: NOTHING,
    };
    if (this.answers++ === 0) this.contentType = contentType;
    return Buffer.from(data);
  }
}

function bodyType(input: DescMessage, body: string): DescMessage | undefined {
  if (body === '*') return input;
  return body === '' ? undefined : input.fields.find(({ name }) => name === body)?.message;
}

function parse(body: Buffer): JsonValue {
  try {
    return JSON.parse(body.toString()) as JsonValue;
  } catch {
    throw new BadRequest('the body is no JSON');
  }
}

function framed(message: Uint8Array): Buffer {
  return Buffer.concat([frameHead(0, message.length), message]);
}
