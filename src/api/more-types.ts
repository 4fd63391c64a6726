/**
 * Message types that Envoy knows and that no file of its API imports, so that the descriptor set lacks them: they are only ever found in
 * an Any, or in a header.
 * Follows https://github.com/cncf/xds (xds/type, xds/data, udpa/type) and google/protobuf/field_mask.proto.
 */
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import type { IndexedFile } from '#api/descriptor-index.ts';
import { ISTIO_FILES } from '#api/istio-types.ts';
import { indexedFile, type ProtoFile } from '#api/small-proto.ts';

const STRUCT = 'google/protobuf/struct.proto';
const MATCHER = 'xds/type/matcher/v3/matcher.proto';
const ORCA = '.xds.data.orca.v3.OrcaLoadReport';
const ON_MATCH = '.xds.type.matcher.v3.Matcher.OnMatch';

const FILES: Readonly<Record<string, ProtoFile>> = {
  'xds/type/v3/typed_struct.proto': {
    package: 'xds.type.v3',
    imports: [STRUCT],
    messages: { TypedStruct: ['string type_url', '.google.protobuf.Struct value'] },
  },
  'udpa/type/v1/typed_struct.proto': {
    package: 'udpa.type.v1',
    imports: [STRUCT],
    messages: { TypedStruct: ['string type_url', '.google.protobuf.Struct value'] },
  },
  'xds/data/orca/v3/orca_load_report.proto': {
    package: 'xds.data.orca.v3',
    imports: [],
    messages: {
      OrcaLoadReport: [
        'double cpu_utilization',
        'double mem_utilization',
        'uint64 rps',
        `repeated ${ORCA}.RequestCostEntry request_cost`,
        `repeated ${ORCA}.UtilizationEntry utilization`,
        'double rps_fractional',
        'double eps',
        `repeated ${ORCA}.NamedMetricsEntry named_metrics`,
        'double application_utilization',
      ],
      'OrcaLoadReport.RequestCostEntry': ['string key', 'double value'],
      'OrcaLoadReport.UtilizationEntry': ['string key', 'double value'],
      'OrcaLoadReport.NamedMetricsEntry': ['string key', 'double value'],
    },
  },
  'xds/type/v3/range.proto': {
    package: 'xds.type.v3',
    imports: [],
    messages: {
      Int64Range: ['int64 start', 'int64 end'],
      Int32Range: ['int32 start', 'int32 end'],
      DoubleRange: ['double start', 'double end'],
    },
  },
  'xds/type/matcher/v3/range.proto': {
    package: 'xds.type.matcher.v3',
    imports: [MATCHER, 'xds/type/v3/range.proto'],
    messages: {
      Int64RangeMatcher: ['repeated .xds.type.matcher.v3.Int64RangeMatcher.RangeMatcher range_matchers'],
      'Int64RangeMatcher.RangeMatcher': ['repeated .xds.type.v3.Int64Range ranges', `${ON_MATCH} on_match`],
      Int32RangeMatcher: ['repeated .xds.type.matcher.v3.Int32RangeMatcher.RangeMatcher range_matchers'],
      'Int32RangeMatcher.RangeMatcher': ['repeated .xds.type.v3.Int32Range ranges', `${ON_MATCH} on_match`],
      DoubleRangeMatcher: ['repeated .xds.type.matcher.v3.DoubleRangeMatcher.RangeMatcher range_matchers'],
      'DoubleRangeMatcher.RangeMatcher': ['repeated .xds.type.v3.DoubleRange ranges', `${ON_MATCH} on_match`],
    },
  },
  'xds/type/matcher/v3/ip.proto': {
    package: 'xds.type.matcher.v3',
    imports: [MATCHER, 'xds/core/v3/cidr.proto'],
    messages: {
      IPMatcher: ['repeated .xds.type.matcher.v3.IPMatcher.IPRangeMatcher range_matchers'],
      'IPMatcher.IPRangeMatcher': ['repeated .xds.core.v3.CidrRange ranges', `${ON_MATCH} on_match`, 'bool exclusive'],
    },
  },
  'xds/type/matcher/v3/domain.proto': {
    package: 'xds.type.matcher.v3',
    imports: [MATCHER],
    messages: {
      ServerNameMatcher: ['repeated .xds.type.matcher.v3.ServerNameMatcher.DomainMatcher domain_matchers'],
      'ServerNameMatcher.DomainMatcher': ['repeated string domains', `${ON_MATCH} on_match`],
    },
  },
  'xds/type/matcher/v3/cel.proto': {
    package: 'xds.type.matcher.v3',
    imports: ['xds/type/v3/cel.proto'],
    messages: { CelMatcher: ['.xds.type.v3.CelExpression expr_match', 'string description'] },
  },
  'xds/type/matcher/v3/http_inputs.proto': {
    package: 'xds.type.matcher.v3',
    imports: [],
    messages: { HttpAttributesCelMatchInput: [] },
  },
};

/** Each made when asked for. */
export function moreFiles(): IndexedFile[] {
  const ours = Object.entries({ ...FILES, ...ISTIO_FILES }).map(([name, file]) => indexedFile(name, file));
  const { proto } = FieldMaskSchema.file;
  return [
    ...ours,
    { name: proto.name, package: proto.package, declares: () => [FieldMaskSchema.typeName], proto: () => proto },
  ];
}
