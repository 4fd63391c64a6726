/**
 * A bootstrap, from its files to a snapshot, with everything that is wrong with it at once.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli (`-c`, `--config-yaml`, `--service-*`) and config.bootstrap.v3.Bootstrap.
 */
import { loadMessage, mergeSources } from '#api/decode.ts';
import type { Place } from '#api/place.ts';
import { ConfigError, Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import type { Source } from '#api/source.ts';
import { validate } from '#api/validate.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import { bootstrapContext, readBootstrap } from '#config/read/bootstrap.ts';
import { type ReadContext, readContext, type WatchedSecret } from '#config/read/context.ts';
import type { ExtensionReaders } from '#config/read/extensions.ts';
import { nodeWithFlags } from '#config/read/node.ts';
import type { Bootstrap } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';

export interface LoadOptions {
  /** `--allow-unknown-static-fields`: unknown fields are warned of, not refused. */
  allowUnknownStaticFields: boolean;
  /** `--service-node`, `--service-cluster`, `--service-zone`: over the bootstrap's node; empty where not given. */
  serviceNode: string;
  serviceCluster: string;
  serviceZone: string;
  /** The extensions that run here. */
  extensions: ExtensionReaders;
  /** The bootstrap is to run here, and not only to be looked at. */
  writesFiles?: boolean;
  /** Reads a file that the bootstrap names; throws as node:fs does. */
  files: (path: string) => Buffer;
}

export interface LoadedBootstrap {
  snapshot: Snapshot;
  /** The message as configured, its node completed by flags. */
  bootstrap: Bootstrap;
  /** The node as the file has it. */
  configuredNode: Bootstrap['node'];
  /** What readers of more configuration need to know of this one. */
  context: ReadContext;
  /** What is doubtful: warnings only. */
  problems: Problems;
  /** Secrets whose files are to be watched. */
  watchedSecrets: readonly WatchedSecret[];
}

/**
 * @param sources the later are merged over the earlier.
 * @throws ConfigError with every error.
 */
export function loadBootstrap(sources: readonly Source[], options: LoadOptions): LoadedBootstrap {
  const type = messageType('envoy.config.bootstrap.v3.Bootstrap');
  const [first, ...others] = sources;
  if (first === undefined) throw new ConfigError([{ severity: 'error', file: '', path: '', message: NO_SOURCE }]);
  const source = others.reduce((base, overlay) => mergeSources(base, overlay, type), first);
  const found = new Problems();
  const allowUnknown = options.allowUnknownStaticFields;
  const { message, at } = loadMessage<Bootstrap>(type, source, found, { allowUnknown });
  validate(type, message, at);
  const bootstrap = { ...message, node: nodeWithFlags(message.node, options) };
  const { extensions, files, writesFiles } = options;
  const read = readWhole(bootstrap, at, readContext({ extensions, files, writesFiles, lenient: allowUnknown }), found);
  const problems = withoutEchoes(found);
  problems.throwIfAny();
  if (read === undefined) throw new Error('a bootstrap without errors gave no snapshot');
  return { ...read, bootstrap, configuredNode: message.node, problems, watchedSecrets: read.context.watchedSecrets };
}

const NO_SOURCE = 'At least one of --config-path or --config-yaml or Options::configProto() should be non-empty';

/** Readers may trip over a message that breaks the rules of its type: that it does was noted before. */
function readWhole(
  bootstrap: Bootstrap,
  at: Place,
  given: ReadContext,
  found: Problems,
): Pick<LoadedBootstrap, 'snapshot' | 'context'> | undefined {
  try {
    return at.attempt(() => {
      const context = bootstrapContext(bootstrap, at, given);
      return { snapshot: readBootstrap(bootstrap, at, context), context };
    });
  } catch (error) {
    if (found.errors.length === 0) throw error;
    return undefined;
  }
}

/**
 * One error a place is enough: the first, which is about the value itself, and not about what a reader made of its absence.
 * They come in the order in which people read their files.
 */
function withoutEchoes(found: Problems): Problems {
  const problems = new Problems();
  const places = new Set<string>();
  for (const problem of found.list) {
    const place = `${problem.file} ${problem.path.replace(/\.@type$/, '')}`;
    if (problem.severity === 'error' && places.has(place)) continue;
    if (problem.severity === 'error') places.add(place);
    problems.add(problem);
  }
  const files = [...new Set(problems.list.map(({ file }) => file))];
  problems.list.sort(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
  return problems;
}
