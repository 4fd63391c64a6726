/**
 * Envoy resources out of files: each with its `@type`, alone, in a list, or as `resources` of a DiscoveryResponse (what Envoy's own
 * file-based discovery reads); or in lists by kind (`clusters`, `listeners`, ...), as below `static_resources` of a bootstrap.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/examples#dynamic
 */
import type { Message } from '@bufbuild/protobuf';
import { unknownType } from '#api/any.ts';
import { decode } from '#api/decode.ts';
import { type Place, rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType, typeOfUrl } from '#api/registry.ts';
import { loadSource, type Source, sourceOf } from '#api/source.ts';
import { validate } from '#api/validate.ts';
import { RESOURCE_TYPES, type ResourceType, resourceTypeOf } from '#control/xds/resource-types.ts';
import { type GivenResource, nameOf } from '#control/xds/snapshot.ts';

/** A resource, and where it was found. */
export interface FoundResource extends GivenResource {
  at: Place;
}

type Tree = Record<string, unknown>;

/** Lists by kind, as they are called. */
const LISTS = new Map<string, string>([
  ['clusters', 'CDS'],
  ['endpoints', 'EDS'],
  ['secrets', 'SDS'],
  ['extension_configs', 'ECDS'],
  ['listeners', 'LDS'],
  ['scoped_routes', 'SRDS'],
  ['routes', 'RDS'],
  ['virtual_hosts', 'VHDS'],
  ['runtimes', 'RTDS'],
]);

/**
 * @param text YAML, of any number of documents, or JSON. @param name what complaints call it
 * @throws ConfigError with everything that is wrong.
 */
export function parseResources(text: string, name = ''): FoundResource[] {
  const problems = new Problems();
  const found = resourcesOf(documents(text, name), problems);
  problems.throwIfAny();
  return found;
}

/** A resource out of plain values, spelt as in Envoy's documentation. @throws ConfigError with everything that is wrong. */
export function resource(tree: object): GivenResource {
  const problems = new Problems();
  const found = readResource(tree, rootPlace(undefined, problems));
  problems.throwIfAny();
  return found as FoundResource;
}

/** What stands in the files, and everything that is wrong with them in `problems`. @throws ConfigError for a file that is no YAML */
export function loadResources(files: readonly string[], problems: Problems): FoundResource[] {
  const found = files.flatMap((file) => resourcesOf(documents(loadSource(file).text, file), problems));
  checkNames(found);
  return found;
}

/** A document each. Those before it are empty lines, so that places are those of the file. */
function documents(text: string, name: string): Source[] {
  if (/\.json$/i.test(name)) return [sourceOf(text, name, 'json')];
  const sources: Source[] = [];
  let start = 0;
  const lines = text.split('\n');
  const add = (end: number) => {
    const own = lines.slice(start, end).join('\n');
    if (/^\s*[^\s#]/m.test(own)) sources.push(sourceOf('\n'.repeat(start) + own, name));
  };
  for (const [i, line] of lines.entries()) {
    if (!/^---(\s|$)/.test(line)) continue;
    add(i);
    start = i + 1;
  }
  add(lines.length);
  return sources;
}

function resourcesOf(sources: readonly Source[], problems: Problems): FoundResource[] {
  return sources.flatMap((source) => {
    for (const warning of source.warnings) problems.add(warning);
    return readDocument(source.tree, rootPlace(source, problems));
  });
}

function readDocument(tree: unknown, at: Place): FoundResource[] {
  if (Array.isArray(tree)) return readList(tree, at, readResource);
  if (!isTree(tree)) {
    at.report('expected resources: an object with @type, a list of them, or lists by kind (clusters, listeners, ...)');
    return [];
  }
  if ('@type' in tree && !Array.isArray(tree.resources)) {
    const found = readResource(tree, at);
    return found === undefined ? [] : [found];
  }
  return Object.entries(tree).flatMap(([key, value]) => readPart(key, value, at.field(key)));
}

function readPart(key: string, value: unknown, at: Place): FoundResource[] {
  if (key === 'resources') return readList(value, at, readResource);
  if (key === 'static_resources' && isTree(value)) return readDocument(value, at);
  const short = LISTS.get(key);
  const type = RESOURCE_TYPES.find((each) => each.short === short);
  if (type !== undefined) return readList(value, at, (item, place) => readMessage(type, item, place));
  if (key === 'version_info' || key === 'type_url' || key === 'nonce' || key === '@type') {
    at.warn(`'${key}' is the server's to give`);
    return [];
  }
  at.reportName(`no kind of resource '${key}'`, `there are resources, ${[...LISTS.keys()].join(', ')}`);
  return [];
}

function readList(
  value: unknown,
  at: Place,
  read: (item: unknown, at: Place) => FoundResource | undefined,
): FoundResource[] {
  if (!Array.isArray(value)) {
    at.report('expected a list');
    return [];
  }
  return value.flatMap((item, i) => read(item, at.index(i)) ?? []);
}

function readResource(item: unknown, at: Place): FoundResource | undefined {
  if (!isTree(item) || typeof item['@type'] !== 'string') {
    at.report('expected a resource: an object with @type');
    return undefined;
  }
  const { '@type': typeUrl, ...fields } = item;
  const type = resourceTypeOf(`type.googleapis.com/${String(typeUrl).replace(/^.*\//, '')}`);
  if (type !== undefined) return readMessage(type, fields, at);
  const place = at.field('@type');
  if (typeOfUrl(String(typeUrl)) === undefined) place.report(...unknownType(String(typeUrl)));
  else place.report(`${String(typeUrl).replace(/^.*\//, '')} is no resource of xDS`);
  return undefined;
}

function readMessage(type: ResourceType, fields: unknown, at: Place): FoundResource | undefined {
  const descriptor = messageType(type.message);
  const message = decode<Message>(descriptor, fields, at);
  validate(descriptor, message, at);
  if (nameOf(type, message) === '') {
    at.report(`a ${descriptor.name} without a name cannot be asked for`);
    return undefined;
  }
  if (type.byAlias && !/.\/./.test(nameOf(type, message))) {
    at.field('name').report(`a ${descriptor.name} that is fetched is named <route configuration>/<host>`);
    return undefined;
  }
  return { type, message, at };
}

function checkNames(found: readonly FoundResource[]): void {
  const seen = new Set<string>();
  for (const { type, message, at } of found) {
    const name = nameOf(type, message);
    const key = `${type.typeUrl} ${name}`;
    if (seen.has(key)) at.report(`there is another ${messageType(type.message).name} '${name}'`);
    seen.add(key);
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
