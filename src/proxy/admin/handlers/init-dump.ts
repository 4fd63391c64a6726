/** `/init_dump`: what initialization still waits for. Follows admin.v3.UnreadyTargetsDumps. */
import { type AdminHandler, json } from '#proxy/admin/handler.ts';

export const initDump: AdminHandler = {
  path: '/init_dump',
  help: 'print what initialization still waits for',
  parameters: [{ name: 'mask', help: 'only this component, such as listener: /init_dump?mask=listener' }],
  answer({ params }, context) {
    const mask = params.get('mask');
    const dumps = context
      .unreadyTargets()
      .filter(({ name, targets }) => targets.length > 0 && (!mask || name.startsWith(mask)))
      .map(({ name, targets }) => ({ name, target_names: targets }));
    return json(dumps.length === 0 ? {} : { unready_targets_dumps: dumps });
  },
};
