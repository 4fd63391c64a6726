/**
 * The methods of gRPC that are offered as HTTP and JSON: compiled from a descriptor set with google.api.http rules.
 * Follows https://github.com/googleapis/googleapis/blob/master/google/api/http.proto
 */
import {
  createFileRegistry,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  getOption,
  hasOption,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { HttpRule } from '#api/generated/google/api/http_pb.js';
import { apiRegistry } from '#api/registry.ts';
import {
  type Binding,
  type HttpTemplate,
  matchTemplate,
  parseTemplate,
  type UnescapeSpec,
} from '#proxy/http/transcoding/http-template.ts';

/** A method with one of its rules. */
export interface TranscodedMethod {
  method: DescMethod;
  /** `/pkg.Service/Method` */
  path: string;
  httpMethod: string;
  template: HttpTemplate;
  /** The field that the body is: `*` all of the message, empty: none. */
  body: string;
  responseBody: string;
}

export interface MatchedMethod {
  rule: TranscodedMethod;
  bindings: Binding[];
}

export interface MethodOptions {
  services: readonly string[];
  autoMapping: boolean;
  unescapeSpec: UnescapeSpec;
}

export class TranscodedMethods {
  readonly registry: FileRegistry;
  private readonly rules: TranscodedMethod[] = [];
  private readonly options: MethodOptions;

  /** @throws Error in Envoy's words, where the descriptors do not have the services or a rule is none */
  constructor(descriptors: Uint8Array, options: MethodOptions) {
    this.options = options;
    try {
      this.registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
    } catch {
      throw new Error('transcoding_filter: Unable to parse proto descriptor');
    }
    for (const name of options.services) {
      const service = this.registry.getService(name);
      if (service === undefined)
        throw new Error(`transcoding_filter: Could not find '${name}' in the proto descriptor`);
      for (const method of service.methods) this.addMethod(method);
    }
  }

  /** @param path without its query */
  find(httpMethod: string, path: string): MatchedMethod | undefined {
    let best: MatchedMethod | undefined;
    for (const rule of this.rules) {
      if (rule.httpMethod !== httpMethod && rule.httpMethod !== '*') continue;
      const bindings = matchTemplate(rule.template, path, this.options.unescapeSpec);
      if (bindings === undefined) continue;
      if (best === undefined || closer(rule.template, best.rule.template)) best = { rule, bindings };
    }
    return best;
  }

  private addMethod(method: DescMethod): void {
    const path = `/${method.parent.typeName}/${method.name}`;
    const extension = apiRegistry().getExtension('google.api.http');
    const rule =
      extension !== undefined && hasOption(method, extension) ? (getOption(method, extension) as HttpRule) : undefined;
    if (rule === undefined) {
      if (this.options.autoMapping)
        this.addRule(method, path, { httpMethod: 'POST', template: path, body: '*', responseBody: '' });
      return;
    }
    for (const one of [rule, ...rule.additionalBindings]) {
      const { pattern } = one;
      if (pattern.case === undefined) continue;
      const custom = pattern.case === 'custom';
      const httpMethod = custom ? pattern.value.kind : pattern.case.toUpperCase();
      const template = custom ? pattern.value.path : pattern.value;
      this.addRule(method, path, { httpMethod, template, body: one.body, responseBody: one.responseBody });
    }
  }

  private addRule(
    method: DescMethod,
    path: string,
    { template, ...rule }: { httpMethod: string; template: string; body: string; responseBody: string },
  ): void {
    const name = `${method.parent.typeName}.${method.name}`;
    const parsed = parseTemplate(template);
    if (parsed === undefined) throw new Error(`transcoding_filter: Cannot register '${name}' to path matcher`);
    const answer = method.output.fields.find((field) => field.name === rule.responseBody);
    if (rule.responseBody !== '' && answer?.message?.typeName !== 'google.api.HttpBody') {
      const why = `Setting "response_body" is not supported yet for non-HttpBody fields: ${name}`;
      throw new Error(`transcoding_filter: Cannot register '${name}': ${why}`);
    }
    this.rules.push({ method, path, template: parsed, ...rule });
  }
}

/** A literal is closer than `*`, which is closer than `**`, from the first segment on; a verb is closer than none. */
function closer(one: HttpTemplate, other: HttpTemplate): boolean {
  const rank = (segment: string | undefined) =>
    segment === undefined || segment === '**' ? 2 : segment === '*' ? 1 : 0;
  for (let i = 0; i < Math.max(one.segments.length, other.segments.length); i++) {
    const difference = rank(one.segments[i]) - rank(other.segments[i]);
    if (difference !== 0) return difference < 0;
  }
  return one.verb !== '' && other.verb === '';
}
