/**
 * Messages in protobuf's text format: set fields in the order of their numbers, one a line.
 * Follows https://protobuf.dev/reference/protobuf/textformat-spec
 */
import { type DescEnum, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

export function toText(type: DescMessage, message: Message): string {
  return fieldsText(reflect(type, message), '');
}

function fieldsText(message: ReflectMessage, indent: string): string {
  let text = '';
  for (const field of [...message.fields].sort((a, b) => a.number - b.number)) {
    if (!message.isSet(field)) continue;
    const { name } = field;
    switch (field.fieldKind) {
      case 'message':
        text += messageText(name, message.get(field), indent);
        break;
      case 'list':
        for (const item of message.get(field)) {
          text +=
            field.listKind === 'message'
              ? messageText(name, item as ReflectMessage, indent)
              : `${indent}${name}: ${valueText(item, field.listKind === 'enum' ? field.enum : field.scalar)}\n`;
        }
        break;
      case 'map':
        for (const [key, value] of message.get(field)) {
          const keyText = `${indent}  key: ${valueText(key, field.mapKey)}\n`;
          const below =
            field.mapKind === 'message'
              ? messageText('value', value as ReflectMessage, `${indent}  `)
              : `${indent}  value: ${valueText(value, field.mapKind === 'enum' ? field.enum : field.scalar)}\n`;
          text += `${indent}${name} {\n${keyText}${below}${indent}}\n`;
        }
        break;
      default:
        text += `${indent}${name}: ${valueText(message.get(field), field.fieldKind === 'enum' ? field.enum : field.scalar)}\n`;
    }
  }
  return text;
}

function messageText(name: string, message: ReflectMessage, indent: string): string {
  return `${indent}${name} {\n${fieldsText(message, `${indent}  `)}${indent}}\n`;
}

function valueText(value: unknown, type: DescEnum | ScalarType): string {
  if (typeof type === 'object') return type.value[value as number]?.name ?? String(value);
  if (type === ScalarType.STRING) return quoted(Buffer.from(value as string));
  if (type === ScalarType.BYTES) return quoted(value as Uint8Array);
  return String(value);
}

const ESCAPES: Record<number, string> = { 9: '\\t', 10: '\\n', 13: '\\r', 34: '\\"', 39: "\\'", 92: '\\\\' };

function quoted(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const printable = byte >= 0x20 && byte < 0x7f;
    text += ESCAPES[byte] ?? (printable ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`);
  }
  return `"${text}"`;
}
