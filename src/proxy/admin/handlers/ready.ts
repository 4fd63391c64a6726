/** `/ready`: the server's state, and 503 unless it is live. */
import { type AdminHandler, text } from '#proxy/admin/handler.ts';

export const ready: AdminHandler = {
  path: '/ready',
  help: "print the server's state: 200 when it is LIVE, else 503",
  answer(_request, context) {
    const state = context.state();
    return text(`${state}\n`, state === 'LIVE' ? 200 : 503);
  },
};
