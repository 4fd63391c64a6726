/**
 * The configuration of the JSON transcoder, as plain data. Follows envoy.extensions.filters.http.grpc_json_transcoder.v3.
 */
import type { Place } from '#api/place.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readNamedFile } from '#config/read/data-source.ts';
import { honours } from '#config/read/support.ts';
import type { GrpcJsonTranscoder } from '#envoy/extensions/filters/http/grpc_json_transcoder/v3/transcoder_pb.js';
import type { UnescapeSpec } from '#proxy/http/transcoding/http-template.ts';
import { TranscodedMethods } from '#proxy/http/transcoding/transcoded-methods.ts';
import type { PrintOptions } from '#proxy/http/transcoding/transcoding.ts';

const PACKAGE = 'envoy.extensions.filters.http.grpc_json_transcoder.v3';
export const TRANSCODER = `${PACKAGE}.GrpcJsonTranscoder`;
const check = honours(
  `${PACKAGE}.GrpcJsonTranscoder`,
  [
    'proto_descriptor',
    'proto_descriptor_bin',
    'services',
    'print_options',
    'match_incoming_request_route',
    'ignored_query_parameters',
    'auto_mapping',
    'ignore_unknown_query_parameters',
    'url_unescape_spec',
    'query_param_unescape_plus',
    'request_validation_options',
    'max_request_body_size',
    'max_response_body_size',
  ],
  {
    refused: {
      convert_grpc_status: 'statuses are told in headers',
      match_unregistered_custom_verb: 'verbs are those of the rules',
      case_insensitive_enum_parsing: 'enums go by their names',
      capture_unknown_query_parameters: 'parameters that no field has are refused, or ignored where you say so',
    },
  },
);
const checkPrint = honours(`${PACKAGE}.GrpcJsonTranscoder.PrintOptions`, [
  'add_whitespace',
  'always_print_primitive_fields',
  'always_print_enums_as_ints',
  'preserve_proto_field_names',
  'stream_newline_delimited',
  'stream_sse_style_delimited',
]);
const checkValidation = honours(`${PACKAGE}.GrpcJsonTranscoder.RequestValidationOptions`, [
  'reject_unknown_method',
  'reject_unknown_query_parameters',
  'reject_binding_body_field_collisions',
]);

export interface TranscoderConfig {
  descriptors: Uint8Array;
  services: string[];
  autoMapping: boolean;
  unescapeSpec: UnescapeSpec;
  print: PrintOptions;
  keepsRoute: boolean;
  ignored: string[];
  ignoresUnknown: boolean;
  plusIsSpace: boolean;
  rejectsUnknownMethod: boolean;
  rejectsUnknownParameters: boolean;
  maxRequest?: number;
  maxResponse?: number;
}

const UNESCAPE: readonly UnescapeSpec[] = [
  'ALL_CHARACTERS_EXCEPT_RESERVED',
  'ALL_CHARACTERS_EXCEPT_SLASH',
  'ALL_CHARACTERS',
];

export function readTranscoder(message: GrpcJsonTranscoder, at: Place, context: ReadContext): TranscoderConfig {
  check(message, at);
  const print = message.printOptions;
  if (print !== undefined) checkPrint(print, at.field('print_options'));
  const validation = message.requestValidationOptions;
  if (validation !== undefined) checkValidation(validation, at.field('request_validation_options'));
  const { descriptorSet } = message;
  const descriptors =
    descriptorSet.case === 'protoDescriptor'
      ? readNamedFile(descriptorSet.value, at.field('proto_descriptor'), context)
      : (descriptorSet.value ?? new Uint8Array());
  const config: TranscoderConfig = {
    descriptors,
    services: message.services,
    autoMapping: message.autoMapping,
    unescapeSpec: UNESCAPE[message.urlUnescapeSpec],
    print: {
      addWhitespace: print?.addWhitespace ?? false,
      alwaysPrintPrimitiveFields: print?.alwaysPrintPrimitiveFields ?? false,
      alwaysPrintEnumsAsInts: print?.alwaysPrintEnumsAsInts ?? false,
      preserveProtoFieldNames: print?.preserveProtoFieldNames ?? false,
      streamNewlineDelimited: print?.streamNewlineDelimited ?? false,
      streamSseStyleDelimited: print?.streamSseStyleDelimited ?? false,
    },
    keepsRoute: message.matchIncomingRequestRoute,
    ignored: message.ignoredQueryParameters,
    ignoresUnknown: message.ignoreUnknownQueryParameters,
    plusIsSpace: message.queryParamUnescapePlus,
    rejectsUnknownMethod: validation?.rejectUnknownMethod ?? false,
    rejectsUnknownParameters: validation?.rejectUnknownQueryParameters ?? false,
    ...(message.maxRequestBodySize === undefined ? {} : { maxRequest: message.maxRequestBodySize }),
    ...(message.maxResponseBodySize === undefined ? {} : { maxResponse: message.maxResponseBodySize }),
  };
  if (config.services.length > 0) {
    try {
      new TranscodedMethods(config.descriptors, config);
    } catch (error) {
      throw at.problem((error as Error).message);
    }
  }
  return config;
}
