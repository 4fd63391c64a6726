/** `x-request-id`: made, kept, replaced, returned. Follows arch_overview/observability/tracing (trace context). */
import { type Json, typed } from '#testing/bootstrap.ts';
import { managersByRequests } from './managers-by-requests.ts';

const MANAGERS: Record<string, Json> = {
  default: {},
  edge: { use_remote_address: true },
  'edge, preserve': { use_remote_address: true, preserve_external_request_id: true },
  preserve: { preserve_external_request_id: true },
  'edge, in response': { use_remote_address: true, always_set_request_id_in_response: true },
  'in response': { always_set_request_id_in_response: true },
  'not generated': { generate_request_id: false },
  'edge, not generated': { use_remote_address: true, generate_request_id: false },
  'reason not packed': {
    use_remote_address: true,
    preserve_external_request_id: true,
    request_id_extension: {
      typed_config: typed('extensions.request_id.uuid.v3.UuidRequestIdConfig', { pack_trace_reason: false }),
    },
  },
};

const REQUESTS: Record<string, string[]> = {
  nothing: [],
  'a uuid': ['x-request-id: 11111111-2222-9333-8444-555555555555'],
  'a uuid marked as sampled': ['x-request-id: 11111111-2222-9333-8444-555555555555', 'x-forwarded-for: 1.2.3.4'],
  'any text': ['x-request-id: something'],
  'an empty one': ['x-request-id:'],
  'two of them': ['x-request-id: one', 'x-request-id: two'],
  'a client trace id': ['x-client-trace-id: abc'],
  'an internal client that forces a trace': ['x-forwarded-for: 10.0.0.1', 'x-envoy-force-trace: true'],
};

managersByRequests('a request has an id as Envoy gives it', MANAGERS, REQUESTS, /tracing/);
