/**
 * Bytes that stand in the configuration itself, in a file, or in an environment variable.
 * Follows envoy.config.core.v3.DataSource.
 */
import type { Place } from '#api/place.ts';
import type { ReadContext } from '#config/read/context.ts';
import { honours } from '#config/read/support.ts';
import type { DataSource } from '#envoy/config/core/v3/base_pb.js';

const FIELDS = ['filename', 'inline_bytes', 'inline_string', 'environment_variable'];
const check = honours('envoy.config.core.v3.DataSource', FIELDS, {
  withoutEffect: { watched_directory: 'as in Envoy, bodies of direct responses alone are read again' },
});
const checkWatched = honours('envoy.config.core.v3.DataSource', [...FIELDS, 'watched_directory'], {
  where: 'bodies of direct responses',
});

export interface DataBytes {
  bytes: Buffer;
  /** The file that they were read from; empty where there is none. */
  path: string;
}

/** @throws PlacedError when the file or the variable is not there, with Envoy's words. */
export function readDataSource(source: DataSource, at: Place, context: ReadContext): DataBytes {
  check(source, at);
  return read(source, at, context);
}

/** The same for one that is read again when something moves in a directory: the directory; empty where there is none. */
export function readWatchedSource(
  source: DataSource,
  at: Place,
  context: ReadContext,
): DataBytes & { directory: string } {
  checkWatched(source, at);
  const { watchedDirectory } = source;
  return { ...read(source, at, context), directory: watchedDirectory?.path ?? '' };
}

function read(source: DataSource, at: Place, context: ReadContext): DataBytes {
  const { specifier } = source;
  switch (specifier.case) {
    case 'filename':
      return { bytes: readNamedFile(specifier.value, at.field('filename'), context), path: specifier.value };
    case 'inlineBytes':
      return { bytes: Buffer.from(specifier.value), path: '' };
    case 'inlineString':
      return { bytes: Buffer.from(specifier.value), path: '' };
    case 'environmentVariable': {
      const value = context.environment[specifier.value];
      if (value !== undefined) return { bytes: Buffer.from(value), path: '' };
      throw at.field('environment_variable').problem(`Environment variable doesn't exist: ${specifier.value}`);
    }
    default:
      throw at.field('specifier').missing();
  }
}

/** @throws PlacedError when the file cannot be read. */
export function readNamedFile(path: string, at: Place, context: ReadContext): Buffer {
  try {
    return context.files(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw at.problem(code === 'ENOENT' ? `file ${path} does not exist` : `unable to read file ${path}: ${message}`);
  }
}
