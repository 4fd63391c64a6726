/** `/stats/recentlookups`: stats that were asked for by name while the proxy ran. */
import { type AdminHandler, OK, text } from '#proxy/admin/handler.ts';

export const recentLookups: AdminHandler = {
  path: '/stats/recentlookups',
  help: 'print stat names looked up of late',
  answer(_request, context) {
    const { lookups } = context.stats;
    const total = `\ntotal: ${lookups.total}\n`;
    if (!lookups.enabled) {
      return text(`Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.\n${total}`);
    }
    const lines = lookups.list().map(([name, count]) => `${String(count).padStart(8)} ${name}\n`);
    return text(`   Count Lookup\n${lines.join('')}${total}`);
  },
};

export const recentLookupsClear: AdminHandler = {
  path: '/stats/recentlookups/clear',
  help: 'forget the stat names looked up, and their count',
  mutates: true,
  answer(_request, context) {
    context.stats.lookups.clear();
    return OK;
  },
};

export const recentLookupsDisable: AdminHandler = {
  path: '/stats/recentlookups/disable',
  help: 'stop keeping the stat names looked up',
  mutates: true,
  answer(_request, context) {
    context.stats.lookups.disable();
    return OK;
  },
};

export const recentLookupsEnable: AdminHandler = {
  path: '/stats/recentlookups/enable',
  help: 'start keeping the stat names looked up',
  mutates: true,
  answer(_request, context) {
    context.stats.lookups.enable();
    return OK;
  },
};
