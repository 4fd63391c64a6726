/**
 * Which fields of a message were given and could not be read: they were complained of already, so nobody should complain that they are
 * missing.
 */
import type { DescField, DescOneof, Message } from '@bufbuild/protobuf';

const unread = new WeakMap<Message, Set<DescField | DescOneof>>();

export function noteUnread(message: Message, field: DescField): void {
  const members = unread.get(message) ?? new Set();
  members.add(field);
  if (field.oneof !== undefined) members.add(field.oneof);
  unread.set(message, members);
}

export function wasUnread(message: Message, member: DescField | DescOneof): boolean {
  return unread.get(message)?.has(member) ?? false;
}
