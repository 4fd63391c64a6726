/**
 * What the pages of the admin API share: their frame, and text made safe for HTML.
 */

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .35rem .6rem; vertical-align: top; }
td:first-child { white-space: nowrap; }
label { display: block; margin: .15rem 0; }
small { opacity: .75; }
pre { overflow-x: auto; font-size: 13px; }
button { font: inherit; cursor: pointer; }
`;

/** @param head further elements of the head. */
export function page(title: string, body: string, head = ''): string {
  return (
    `<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>${escapeHtml(title)}</title>\n` +
    `<style>${STYLE}</style>\n${head}</head>\n<body>\n${body}\n</body>\n</html>\n`
  );
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
