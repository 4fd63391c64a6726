/** `/runtime` and `/runtime_modify`: values that operators change while the proxy runs. */
import { type AdminHandler, json, OK, text } from '#proxy/admin/handler.ts';

export const runtime: AdminHandler = {
  path: '/runtime',
  help: 'print runtime values',
  answer(_request, context) {
    const { layers, values } = context.runtime.snapshot;
    const entries = Object.keys(values)
      .sort()
      .map((key) => {
        const layerValues = layers.map((layer) => layer.values[key]?.raw ?? '');
        return [key, { final_value: values[key].raw, layer_values: layerValues }];
      });
    return json({ layers: layers.map((layer) => layer.name), entries: Object.fromEntries(entries) });
  },
};

export const runtimeModify: AdminHandler = {
  path: '/runtime_modify',
  help:
    'set runtime values by query parameters or a form, ?key1=value1&key2=value2...; an empty value takes an earlier override away. ' +
    'Values from disk can be overridden this way, not deleted',
  mutates: true,
  answer({ params }, context) {
    if (params.entries.length === 0) {
      return text(
        'usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n' +
          '       or send the parameters as form values\n' +
          'use an empty value to remove a previously added override',
        400,
      );
    }
    const problem = context.runtime.modify(params.entries.filter(isFirst));
    return problem === undefined ? OK : text(problem, 503);
  },
};

/** Of a name that stands there twice, the first counts. */
function isFirst([name]: [string, string], index: number, entries: [string, string][]): boolean {
  return entries.findIndex(([other]) => other === name) === index;
}
