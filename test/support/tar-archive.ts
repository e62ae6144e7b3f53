/** Builds tar archives entry by entry, also such as no archiver would write. */
import { Header, Pax } from 'tar';

export interface TarInput {
  path: string;
  /** Default File. */
  type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'BlockDevice' | 'FIFO';
  body?: Uint8Array | string;
  linkPath?: string;
  mode?: number;
  modifiedAt?: Date;
}

const BLOCK_BYTES = 512;
const END_MARK = Buffer.alloc(2 * BLOCK_BYTES);

export function tarOf(entries: readonly TarInput[]): Buffer {
  return Buffer.concat([...entries.flatMap(tarEntry), END_MARK]);
}

/** One entry: its extended header where it needs one, its header, its content, padded. */
export function tarEntry(input: TarInput): Buffer[] {
  const body = Buffer.from(input.body ?? '');
  const fields = {
    path: input.path,
    type: input.type ?? ('File' as const),
    size: body.length,
    mode: input.mode ?? (input.type === 'Directory' ? 0o755 : 0o644),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    mtime: input.modifiedAt ?? new Date('2024-01-02T03:04:05Z'),
    ...(input.linkPath === undefined ? {} : { linkpath: input.linkPath }),
  };
  const header = Buffer.alloc(BLOCK_BYTES);
  const needsExtension = new Header(fields).encode(header, 0);
  const padding = Buffer.alloc((BLOCK_BYTES - (body.length % BLOCK_BYTES)) % BLOCK_BYTES);
  const extension = needsExtension ? [new Pax(fields).encode()] : [];
  return [...extension, header, body, padding];
}
