/** `/hot_restart_version`: which versions can take over from this one. */
import { type AdminHandler, text } from '#proxy/admin/handler.ts';

export const hotRestartVersion: AdminHandler = {
  path: '/hot_restart_version',
  help: 'print the version of hot restart: only the same takes over',
  answer: (_request, context) => text(context.hotRestartVersion),
};
