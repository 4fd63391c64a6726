/** `/config_dump`: the whole configuration, or the resources and fields of it that are asked for. Follows admin.v3.ConfigDump. */
import type { DescField } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { type ConfigSection, configSections } from '#proxy/admin/config-sections.ts';
import { masked, maskFits, maskPaths, type Tree } from '#proxy/admin/field-mask.ts';
import { type AdminHandler, type AdminResponse, json } from '#proxy/admin/handler.ts';
import { regexFilter } from '#proxy/admin/regex-filter.ts';

export const configDump: AdminHandler = {
  path: '/config_dump',
  help: 'print the configuration that runs, secrets left out',
  parameters: [
    { name: 'resource', help: 'only the resources of one list, such as dynamic_listeners' },
    { name: 'mask', help: 'only these fields (a FieldMask), of the whole or, with resource, of each resource' },
    { name: 'name_regex', help: 'only resources whose names match, with resource and mask or alone' },
    { name: 'include_eds', help: 'with the endpoints that clusters have now', flag: true },
  ],
  answer({ params }, context) {
    const filter = regexFilter(params.get('name_regex'));
    if ('problem' in filter) {
      return refusal(
        400,
        `INVALID_ARGUMENT: Error while parsing name_regex from ${params.get('name_regex')}: ${filter.problem}`,
      );
    }
    const sections = configSections(context, { includeEds: params.has('include_eds'), named: filter.keeps });
    const [resource, mask] = [params.get('resource'), params.get('mask')];
    if (resource) return resourceDump(sections, resource, mask);
    return mask
      ? maskedDump(sections, mask)
      : dump(sections.map(({ type, fields }) => ({ '@type': url(type), ...fields })));
  },
};

/** Each element of the list is a configuration of its own. */
function resourceDump(sections: ConfigSection[], resource: string, mask: string | undefined): AdminResponse {
  const found = findField(sections, resource);
  if (found === undefined) return refusal(404, `${resource} not found in config dump`);
  const { section, field } = found;
  if (field.fieldKind !== 'list' || field.message === undefined) {
    return refusal(400, `${resource} is not a repeated field. Use ?mask=${resource} to get only this field`);
  }
  const { message: type } = field;
  const elements = (section.fields[resource] ?? []) as Tree[];
  const typed = elements.map((element) => ({ '@type': url(type.typeName), ...element }));
  if (!mask) return dump(typed);
  const paths = maskPaths(mask);
  if (!typed.every((element) => maskFits(type, element, paths)))
    return refusal(400, `FieldMask ${mask} could not be successfully used.`);
  return dump(typed.map((element) => masked(element, paths)));
}

function findField(sections: ConfigSection[], name: string): { section: ConfigSection; field: DescField } | undefined {
  for (const section of sections) {
    const field = messageType(section.type).fields.find((one) => one.name === name);
    if (field !== undefined) return { section, field };
  }
  return undefined;
}

/** The parts that have all of the mask's fields. */
function maskedDump(sections: ConfigSection[], mask: string): AdminResponse {
  const paths = maskPaths(mask);
  const fitting = sections.filter(({ type, fields }) => maskFits(messageType(type), fields, paths));
  if (fitting.length === 0) return refusal(400, `FieldMask ${mask} could not be successfully applied to any configs.`);
  return dump(fitting.map(({ type, fields }) => ({ '@type': url(type), ...masked(fields, paths) })));
}

function dump(configs: Tree[]): AdminResponse {
  return json(configs.length === 0 ? {} : { configs });
}

function refusal(status: number, body: string): AdminResponse {
  return { status, contentType: 'text/plain', body };
}

function url(typeName: string): string {
  return `type.googleapis.com/${typeName}`;
}
