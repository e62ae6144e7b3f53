/**
 * The one place where damaged bytes are judged unlike protobufjs and @bufbuild/protobuf: both skip a varint of any length in
 * a field that they do not know. The format has none of more than ten bytes, and protobuf for C++ refuses it, as we do.
 */

/** Whether `error`, of ours, refuses a varint that is too long, and ten bytes in a row say that another one follows. */
export function refusesLongVarint(error: Error, bytes: Uint8Array): boolean {
  if (!/a varint is too long/.test(error.message)) return false;
  let run = 0;
  for (const byte of bytes) {
    run = byte >= 128 ? run + 1 : 0;
    if (run === 10) return true;
  }
  return false;
}
