/**
 * What a route makes of a request's path and host.
 * Follows envoy.config.route.v3.RouteAction: `prefix_rewrite`, `regex_rewrite`, `path_rewrite_policy`, `host_rewrite_specifier`.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { RouteAction, RouteMatch } from '#config/model/route.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { readSubstitution } from '#config/read/regex.ts';
import { honours } from '#config/read/support.ts';
import { checkFormat } from '#config/syntax/format-operators.ts';
import {
  isPathTemplateRewrite,
  PathTemplateError,
  pathTemplatePattern,
  pathTemplateRewrite,
} from '#config/syntax/path-template.ts';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';
import type { RouteAction as RouteActionMessage } from '#envoy/config/route/v3/route_components_pb.js';
import type { UriTemplateRewriteConfig } from '#envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js';

const URI_TEMPLATE = 'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig';
const REWRITER = 'envoy.path.rewrite.uri_template.uri_template_rewriter';
const MATCHER = 'envoy.path.match.uri_template.uri_template_matcher';
const checkTemplate = honours(URI_TEMPLATE, ['path_template_rewrite']);

type PathRewrite = Pick<RouteAction, 'prefixRewrite' | 'regexRewrite' | 'pathRewritePolicy' | 'pathRewrite'>;

/** @param match of the route: templates of the rewrite use its variables. */
export function readPathRewrite(message: RouteActionMessage, match: RouteMatch, at: Place): PathRewrite {
  const { prefixRewrite, regexRewrite, pathRewritePolicy, pathRewrite } = message;
  const given = [prefixRewrite !== '', regexRewrite !== undefined, pathRewritePolicy !== undefined, pathRewrite !== ''];
  if (given.filter(Boolean).length > 1) {
    throw at.problem('Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy');
  }
  if (prefixRewrite !== '' && match.path.kind === 'path_match_policy') {
    throw at.field('prefix_rewrite').problem('Cannot use prefix_rewrite with matcher extension');
  }
  return {
    prefixRewrite,
    pathRewrite: readFormatText(pathRewrite, 'path', at.field('path_rewrite')),
    ...(regexRewrite === undefined ? {} : { regexRewrite: readSubstitution(regexRewrite, at.field('regex_rewrite')) }),
    ...(pathRewritePolicy === undefined
      ? {}
      : { pathRewritePolicy: readPolicy(pathRewritePolicy, match, at.field('path_rewrite_policy')) }),
  };
}

function readPolicy({ name, typedConfig }: TypedExtensionConfig, match: RouteMatch, at: Place): { template: string } {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName !== URI_TEMPLATE) throw unsupportedExtension(name, type.typeName, 'path_rewrite_policy', place);
  checkTemplate(message, place);
  if (match.path.kind !== 'path_match_policy') {
    throw at.problem(`unable to use ${REWRITER} extension without ${MATCHER} extension`);
  }
  const { pathTemplateRewrite: template } = message as UriTemplateRewriteConfig;
  const field = place.field('path_template_rewrite');
  if (!isPathTemplateRewrite(template))
    throw field.problem(`path_rewrite_policy.path_template_rewrite ${template} is invalid`);
  try {
    pathTemplateRewrite(template, pathTemplatePattern(match.path.template));
  } catch (error) {
    if (!(error instanceof PathTemplateError)) throw error;
    const both = `path_match_policy ${match.path.template} and path_rewrite_policy ${template}`;
    throw field.problem(`mismatch between variables in ${both}`);
  }
  return { template };
}

/** @param what Envoy calls it in the error: `path`, `host`. */
export function readFormatText(text: string, what: string, at: Place): string {
  try {
    checkFormat(text);
  } catch (error) {
    throw at.problem(`Failed to create ${what} rewrite formatter: INVALID_ARGUMENT: ${(error as Error).message}`);
  }
  return text;
}

export function readHostRewrite(
  { hostRewriteSpecifier: given }: RouteActionMessage,
  at: Place,
): RouteAction['hostRewrite'] {
  switch (given.case) {
    case 'hostRewriteLiteral':
      return { kind: 'literal', value: given.value };
    case 'autoHostRewrite':
      return given.value.value ? { kind: 'auto' } : undefined;
    case 'hostRewriteHeader':
      return { kind: 'header', header: given.value.toLowerCase() };
    case 'hostRewritePathRegex':
      return { kind: 'path_regex', ...readSubstitution(given.value, at.field('host_rewrite_path_regex')) };
    case 'hostRewrite':
      if (given.value === '') return undefined;
      return { kind: 'format', format: readFormatText(given.value, 'host', at.field('host_rewrite')) };
    default:
      return undefined;
  }
}
