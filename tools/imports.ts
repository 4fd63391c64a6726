/**
 * Finds what a TypeScript file imports, by pattern: enough for code that biome has formatted.
 */

/** One import. */
export interface Import {
  specifier: string;
  line: number;
  /** `import type`, which is gone when the code runs. */
  typeOnly: boolean;
  /** `import('...')`, which runs later. */
  dynamic: boolean;
}

const STATIC = /^(?:import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\('([^']+)'\)/g;

/** Every import and re-export of a file with a fixed name. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const line = (index: number) => code.slice(0, index).split('\n').length;
  const statics = [...code.matchAll(STATIC)].map((match) => ({
    specifier: match[2],
    line: line(match.index),
    typeOnly: match[1] !== undefined,
    dynamic: false,
  }));
  const dynamics = [...code.matchAll(DYNAMIC)].map((match) => ({
    specifier: match[1],
    line: line(match.index),
    typeOnly: false,
    dynamic: true,
  }));
  return [...statics, ...dynamics];
}

/** Blanks comments at the start of a line, and keeps the lines. */
function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/^[ \t]*\/\/.*$/gm, '');
}
