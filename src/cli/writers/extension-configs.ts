/**
 * Extension configurations that came by ECDS, as istioctl shows them.
 * Follows envoy.admin.v3.EcdsConfigDump and envoy.config.core.v3.TypedExtensionConfig.
 */

import { compareText } from '#cli/writers/compare-text.ts';
import { renderTable } from '#cli/writers/table.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export function extensionConfigsTable(configs: readonly JsonObject[], reader: DumpReader, color: boolean): string {
  const rows = configs.map((config) => {
    const name = reader.text(config, 'name');
    reader.resource = `extension configuration '${name}'`;
    const type = reader.text(reader.object(config, 'typed_config'), '@type');
    return [name, type.replace(/^type\.googleapis\.com\//, '')];
  });
  rows.sort((a, b) => compareText(a[1], b[1]) || compareText(a[0], b[0]));
  return renderTable(['ECDS NAME', 'TYPE'], rows, { gap: 5, color });
}
