/** What changes the server's course: health, draining, log files, counters, the end. */
import { type AdminHandler, OK } from '#proxy/admin/handler.ts';

export const healthcheckFail: AdminHandler = {
  path: '/healthcheck/fail',
  help: 'answer health checks with a failure from now on',
  mutates: true,
  answer(_request, context) {
    context.actions.failHealthcheck();
    return OK;
  },
};

export const healthcheckOk: AdminHandler = {
  path: '/healthcheck/ok',
  help: 'answer health checks with success again',
  mutates: true,
  answer(_request, context) {
    context.actions.okHealthcheck();
    return OK;
  },
};

export const drainListeners: AdminHandler = {
  path: '/drain_listeners',
  help: 'drain listeners',
  parameters: [
    {
      name: 'graceful',
      help: 'close listeners only after the drain time (--drain-time-s); until then connections are asked to go, as --drain-strategy says',
      flag: true,
    },
    { name: 'skip_exit', help: 'drain connections but keep listening; graceful then means nothing', flag: true },
    { name: 'inboundonly', help: 'only listeners whose traffic_direction is INBOUND', flag: true },
  ],
  mutates: true,
  answer({ params }, context) {
    context.actions.drainListeners({
      graceful: params.has('graceful'),
      inboundOnly: params.has('inboundonly'),
      skipExit: params.has('skip_exit'),
    });
    return OK;
  },
};

export const reopenLogs: AdminHandler = {
  path: '/reopen_logs',
  help: 'reopen access logs',
  mutates: true,
  answer(_request, context) {
    context.actions.reopenLogs();
    return OK;
  },
};

export const resetCounters: AdminHandler = {
  path: '/reset_counters',
  help: 'show all counters from zero on',
  mutates: true,
  answer(_request, context) {
    context.stats.hub.resetCounters();
    context.stats.lookups.clear();
    return OK;
  },
};

export const quitQuitQuit: AdminHandler = {
  path: '/quitquitquit',
  help: 'end the server',
  mutates: true,
  answer(_request, context) {
    context.actions.quit();
    return OK;
  },
};
