/** Fields of protobuf messages that are built by hand: the few that bridges speak with other programs. */

/** A field of bytes, a string or a message; nothing where it is empty. `tag`: its number times eight plus two. */
export function bytesField(tag: number, content: Uint8Array): Uint8Array[] {
  return content.length === 0 ? [] : [Buffer.from([tag]), varint(content.length), content];
}

/** As {@link bytesField} for one that is written also when it is empty: a message that is there. */
export function messageField(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag]), varint(content.length), content]);
}

/** A number of up to 64 bits, not negative. */
export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
