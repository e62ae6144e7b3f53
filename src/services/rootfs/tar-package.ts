/**
 * The only importer of tar, an optional peer of the package: loaded when an archive is first read or written. What is used
 * of it is described here, since the types of the services must do without its own where it is not installed.
 */
import { MissingDependencyError } from '../service-errors.js';

/** What is used of the package. */
export interface TarPackage {
  readonly Header: new (fields: TarFields) => TarHeader;
  readonly Pax: new (fields: TarFields) => { encode(): Buffer };
  readonly Parser: new () => TarParser;
}

/** Of an entry to be written. */
interface TarFields {
  path: string;
  type: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO';
  size: number;
  mode: number;
  uid: number;
  gid: number;
  mtime: Date;
  linkpath?: string;
}

interface TarHeader {
  /** @returns whether it does not hold all fields, so that an extended header has to come before it */
  encode(block: Buffer, offset: number): boolean;
}

/** Takes an archive in pieces, and emits its entries. */
export interface TarParser extends NodeJS.EventEmitter {
  on(event: 'entry' | 'ignoredEntry', listener: (entry: TarEntry) => void): this;
  on(event: 'warn', listener: (code: string, message: string | Error, data: { entry?: unknown }) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'eof', listener: () => void): this;
  /** @returns whether it takes more at once; else after `drain` */
  write(chunk: Uint8Array): boolean;
  end(): unknown;
}

/** An entry while it is read: a stream of its content. */
export interface TarEntry extends AsyncIterable<Buffer> {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Date;
  readonly linkpath?: string;
  /** Whether it is an extended header. */
  readonly meta: boolean;
  /** Bytes of its content that have not come yet. */
  readonly remain: number;
  readonly emittedEnd: boolean;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  once(event: 'end', listener: () => void): unknown;
  resume(): void;
  destroy(error: unknown): unknown;
}

/** @throws {MissingDependencyError} `SERVICE_MISSING_DEPENDENCY` */
export async function loadTar(): Promise<TarPackage> {
  try {
    return await import('tar');
  } catch (error) {
    throw new MissingDependencyError('the package tar', 'install it with: npm install tar@7', { cause: error });
  }
}
