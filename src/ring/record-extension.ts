/** The extension of a record: where its event came in, and the trace that it belongs to. Laid out in `record-descriptor.ts`. */
import * as record from './record-descriptor.js';

/** The words of an extension. No typed array: Node keeps the bytes of each outside the heap, which costs a call of `malloc`. */
export class ExtensionWords {
  originId = 0;

  constructor(
    readonly trace = 0,
    readonly traceId0 = 0,
    readonly traceId1 = 0,
    readonly traceId2 = 0,
    readonly traceId3 = 0,
    readonly parentId0 = 0,
    readonly parentId1 = 0,
  ) {}
}

/** Nobody changes it once it is made. */
export type RecordExtension = Readonly<ExtensionWords>;

/** The same trace, for another event that begins here; undefined where there is none. */
export function traceOf(extension: RecordExtension | undefined): RecordExtension | undefined {
  if (extension === undefined || (extension.trace & record.TRACED) === 0) return undefined;
  const { trace, traceId0, traceId1, traceId2, traceId3, parentId0, parentId1 } = extension;
  return new ExtensionWords(trace, traceId0, traceId1, traceId2, traceId3, parentId0, parentId1);
}

/** Puts an extension behind the room for the header of the record that starts at `words[at]`. */
export function putExtension(words: Int32Array, at: number, extension: RecordExtension): void {
  const start = at + record.EXTENSION_START_WORD;
  words[start + record.ORIGIN_WORD] = extension.originId;
  words[start + record.TRACE_WORD] = extension.trace;
  words[start + record.TRACE_ID_WORD] = extension.traceId0;
  words[start + record.TRACE_ID_WORD + 1] = extension.traceId1;
  words[start + record.TRACE_ID_WORD + 2] = extension.traceId2;
  words[start + record.TRACE_ID_WORD + 3] = extension.traceId3;
  words[start + record.PARENT_ID_WORD] = extension.parentId0;
  words[start + record.PARENT_ID_WORD + 1] = extension.parentId1;
}

/** A copy of the extension of the record that starts at `words[at]`; undefined where it has none. */
export function extensionAt(words: Int32Array, at: number): RecordExtension | undefined {
  if ((words[at + record.KIND_WORD]! & record.EXTENDED) === 0) return undefined;
  const start = at + record.EXTENSION_START_WORD;
  const traceId = start + record.TRACE_ID_WORD;
  const parentId = start + record.PARENT_ID_WORD;
  const extension = new ExtensionWords(
    words[start + record.TRACE_WORD],
    words[traceId],
    words[traceId + 1],
    words[traceId + 2],
    words[traceId + 3],
    words[parentId],
    words[parentId + 1],
  );
  extension.originId = words[start + record.ORIGIN_WORD]!;
  return extension;
}

/** The id of the origin that an extension names; 0 where there is neither. */
export function originOf(extension: RecordExtension | undefined): number {
  return extension === undefined ? 0 : extension.originId;
}
