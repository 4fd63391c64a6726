/** `/contention`: waits for locks. The data path takes none, so there is nothing to trace. */
import { type AdminHandler, text } from '#proxy/admin/handler.ts';

export const contention: AdminHandler = {
  path: '/contention',
  help: 'print mutex contention: Fairlead takes no locks',
  answer: () => text('Mutex contention tracing is not enabled: threads of Fairlead share no locks.\n'),
};
