/** Writes small archives from memory, entry by entry. */
import type { TarPackage } from './tar-package.js';

export interface ArchiveInput {
  path: string;
  /** Default File. */
  type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO';
  body?: Uint8Array | string;
  linkPath?: string;
  /** Default 0o755 for directories, 0o644 otherwise. */
  mode?: number;
  /** Default the Unix epoch, so that equal contents give equal archives. */
  modifiedAt?: Date;
}

const BLOCK_BYTES = 512;
const END_MARK = Buffer.alloc(2 * BLOCK_BYTES);

/** A whole archive, owned by this user. Nothing in the entries is checked. */
export function encodeArchive(tar: TarPackage, entries: readonly ArchiveInput[]): Buffer {
  return Buffer.concat([...entries.flatMap((entry) => encodeEntry(tar, entry)), END_MARK]);
}

/** One entry: its extended header where it needs one, its header, its content, padded. */
function encodeEntry({ Header, Pax }: TarPackage, input: ArchiveInput): Buffer[] {
  const { path, type = 'File', body: content = '', linkPath, modifiedAt = new Date(0) } = input;
  const { mode = type === 'Directory' ? 0o755 : 0o644 } = input;
  const body = Buffer.from(content);
  const fields = {
    path,
    type,
    size: body.length,
    mode,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    mtime: modifiedAt,
    ...(linkPath === undefined ? {} : { linkpath: linkPath }),
  };
  const header = Buffer.alloc(BLOCK_BYTES);
  const needsExtension = new Header(fields).encode(header, 0);
  const padding = Buffer.alloc((BLOCK_BYTES - (body.length % BLOCK_BYTES)) % BLOCK_BYTES);
  const extension = needsExtension ? [new Pax(fields).encode()] : [];
  return [...extension, header, body, padding];
}
