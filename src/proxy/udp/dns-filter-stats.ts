/**
 * The stats of the DNS filter.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/udp_filters/dns_filter
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

/** @param scope `dns_filter.<stat_prefix>` */
export function dnsFilterStats(scope: Scope) {
  // Those of SRV records, which are refused.
  for (const name of ['cluster_srv_record_answers', 'local_srv_record_answers']) scope.counter(name);
  // Envoy has these and never counts them.
  for (const place of ['cluster', 'external', 'local']) scope.counter(`${place}_unsupported_answers`);
  scope.counter('record_name_overflow');
  scope.histogram('downstream_rx_query_latency', 'Milliseconds');
  return {
    aQueries: scope.counter('a_record_queries'),
    aaaaQueries: scope.counter('aaaa_record_queries'),
    srvQueries: scope.counter('srv_record_queries'),
    clusterAAnswers: scope.counter('cluster_a_record_answers'),
    clusterAaaaAnswers: scope.counter('cluster_aaaa_record_answers'),
    localAAnswers: scope.counter('local_a_record_answers'),
    localAaaaAnswers: scope.counter('local_aaaa_record_answers'),
    externalAAnswers: scope.counter('external_a_record_answers'),
    externalAaaaAnswers: scope.counter('external_aaaa_record_answers'),
    externalAQueries: scope.counter('external_a_record_queries'),
    externalAaaaQueries: scope.counter('external_aaaa_record_queries'),
    externalUnsupportedQueries: scope.counter('external_unsupported_queries'),
    externallyResolvedQueries: scope.counter('externally_resolved_queries'),
    knownDomainQueries: scope.counter('known_domain_queries'),
    rxErrors: scope.counter('downstream_rx_errors'),
    rxInvalidQueries: scope.counter('downstream_rx_invalid_queries'),
    rxQueries: scope.counter('downstream_rx_queries'),
    txResponses: scope.counter('downstream_tx_responses'),
    withAdditional: scope.counter('queries_with_additional_rrs'),
    withAnswersOrAuthority: scope.counter('queries_with_ans_or_authority_rrs'),
    bufferUnderflow: scope.counter('query_buffer_underflow'),
    parsingFailure: scope.counter('query_parsing_failure'),
    unansweredQueries: scope.counter('unanswered_queries'),
    unsupportedQueries: scope.counter('unsupported_queries'),
    rxBytes: scope.histogram('downstream_rx_bytes', 'Bytes'),
    txBytes: scope.histogram('downstream_tx_bytes', 'Bytes'),
  };
}
