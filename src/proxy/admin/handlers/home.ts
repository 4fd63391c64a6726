/** `/`: a page of everything that the admin API can do. */
import { type AdminHandler, type AdminParameter, html } from '#proxy/admin/handler.ts';
import { escapeHtml, page } from '#proxy/admin/page.ts';

/** @param handlers all of them, this one too. */
export function home(handlers: () => readonly AdminHandler[]): AdminHandler {
  return {
    path: '/',
    help: 'this page',
    answer(_request, context) {
      const rows = handlers()
        .filter((handler) => !handler.hidden && handler.path !== '/')
        .map(row);
      const { serviceNode, serviceCluster } = context.options;
      const of = [serviceNode, serviceCluster]
        .filter((name) => name !== '')
        .map(escapeHtml)
        .join(' of ');
      return html(page('Fairlead admin', `<h1>Fairlead${of && `: ${of}`}</h1>\n<table>\n${rows.join('\n')}\n</table>`));
    },
  };
}

function row({ path, help, mutates, parameters = [] }: AdminHandler): string {
  const name = escapeHtml(path.slice(1));
  const command =
    mutates || parameters.length > 0
      ? `<form action="${name}" method="${mutates ? 'post' : 'get'}"><button>${name}</button>${parameters.map(input).join('')}</form>`
      : `<a href="${name}">${name}</a>`;
  return `<tr><td>${command}</td><td>${escapeHtml(help)}</td></tr>`;
}

function input({ name, help, options, flag }: AdminParameter): string {
  const field = flag
    ? `<input type="checkbox" name="${name}">`
    : options === undefined
      ? `<input name="${name}">`
      : `<select name="${name}">${options.map((option) => `<option>${option}</option>`).join('')}</select>`;
  return `<label title="${escapeHtml(help)}"><small>${name}</small> ${field}</label>`;
}
