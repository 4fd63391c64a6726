/**
 * The layers of the runtime. Follows envoy.config.bootstrap.v3.LayeredRuntime and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Place } from '#api/place.ts';
import type { Json } from '#config/model/route.ts';
import type { RuntimeLayer } from '#config/model/snapshot.ts';
import { readConfigSource } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type {
  LayeredRuntime,
  RuntimeLayer as LayerMessage,
  RuntimeLayer_RtdsLayer as RtdsLayer,
} from '#envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { Runtime } from '#envoy/service/runtime/v3/rtds_pb.js';

const BOOTSTRAP = 'envoy.config.bootstrap.v3';
const check = honours(`${BOOTSTRAP}.LayeredRuntime`, ['layers']);
const checkLayer = honours(`${BOOTSTRAP}.RuntimeLayer`, [
  'name',
  'static_layer',
  'disk_layer',
  'admin_layer',
  'rtds_layer',
]);
const checkRtds = honours(`${BOOTSTRAP}.RuntimeLayer.RtdsLayer`, ['name', 'rtds_config']);
const checkDisk = honours(`${BOOTSTRAP}.RuntimeLayer.DiskLayer`, [
  'symlink_root',
  'subdirectory',
  'append_service_cluster',
]);

/** An empty list stands for one layer, the admin API's changes; without the message there is none. */
export function readLayeredRuntime(
  message: LayeredRuntime | undefined,
  at: Place,
  context: ReadContext,
): RuntimeLayer[] {
  if (message === undefined) return [];
  if (message.layers.length === 0) return [{ name: '', kind: 'admin' }];
  check(message, at);
  const names = new Set<string>();
  let admins = 0;
  return readAll(message.layers, at.field('layers'), (layer, place) => {
    checkLayer(layer, place);
    if (names.has(layer.name)) throw place.field('name').problem(`Duplicate layer name: ${layer.name}`);
    names.add(layer.name);
    if (layer.layerSpecifier.case === 'adminLayer' && ++admins > 1)
      throw place.field('admin_layer').problem(TWO_ADMINS);
    return readLayer(layer, place, context);
  });
}

const TWO_ADMINS = 'Too many admin layers specified in LayeredRuntime, at most one may be specified';

function readLayer({ name, layerSpecifier }: LayerMessage, at: Place, context: ReadContext): RuntimeLayer {
  switch (layerSpecifier.case) {
    case 'staticLayer': {
      const values = layerSpecifier.value as { [key: string]: Json };
      checkValues(values, at.field('static_layer'));
      warnOfGuards(values, at.field('static_layer'));
      return { name, kind: 'static', values };
    }
    case 'diskLayer': {
      checkDisk(layerSpecifier.value, at.field('disk_layer'));
      const { symlinkRoot, subdirectory, appendServiceCluster } = layerSpecifier.value;
      checkWatchable(symlinkRoot, at.field('disk_layer').field('symlink_root'));
      return { name, kind: 'disk', symlinkRoot, subdirectory, appendServiceCluster };
    }
    case 'adminLayer':
      return { name, kind: 'admin' };
    case 'rtdsLayer':
      return { name, kind: 'rtds', ...readRtds(layerSpecifier.value, at.field('rtds_layer'), context) };
    default:
      throw at.field('layer_specifier').missing();
  }
}

/** The folder that holds the link is watched. */
function checkWatchable(link: string, at: Place): void {
  if (!link.includes('/')) throw at.problem(`invalid file path ${link}`);
  if (statSync(dirname(link), { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw at.problem(`unable to add filesystem watch for file ${link}: No such file or directory`);
}

function readRtds(message: RtdsLayer, at: Place, context: ReadContext) {
  checkRtds(message, at);
  const place = at.field('rtds_config');
  if (message.rtdsConfig === undefined) throw place.missing();
  return { resourceName: message.name, source: readConfigSource(message.rtdsConfig, place, context) };
}

/** What a management server says of a layer. Follows envoy.service.runtime.v3.Runtime. */
export function readRuntime({ layer }: Runtime, at: Place): { [key: string]: Json } {
  const values = (layer ?? {}) as { [key: string]: Json };
  checkValues(values, at.field('layer'));
  return values;
}

/** Null and lists are no runtime values. */
function checkValues(values: { [key: string]: Json }, at: Place, prefix = ''): void {
  for (const [name, value] of Object.entries(values)) {
    const place = at.key(name);
    const key = `${prefix}${name}`;
    if (value === null || Array.isArray(value)) place.report(`Invalid runtime entry value for ${key}`);
    else if (typeof value === 'object') checkValues(value, place, `${key}.`);
  }
}

/** Envoy's switches between its old and its new ways: what it does by default is what is done here. */
const GUARD = /^envoy\.(?:reloadable|restart)_features\./;

function warnOfGuards(values: { [key: string]: Json }, at: Place, prefix = ''): void {
  for (const [name, value] of Object.entries(values)) {
    const key = `${prefix}${name}`;
    if (GUARD.test(key)) at.key(name).warn(`runtime key '${key}' has no effect in Fairlead`);
    else if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      warnOfGuards(value, at.key(name), `${key}.`);
    }
  }
}
