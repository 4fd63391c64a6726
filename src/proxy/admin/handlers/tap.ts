/** `/tap`: refused, and said so, rather than not found. */
import { type AdminHandler, text } from '#proxy/admin/handler.ts';

export const tap: AdminHandler = {
  path: '/tap',
  help: 'not supported',
  hidden: true,
  answer: () => text('tap is not supported: no tap filter or transport socket can be configured\n', 501),
};
