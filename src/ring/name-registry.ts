/**
 * A table of names that all threads share: the thread that owns the ring appends, any thread looks up by id.
 *
 *   cell 0      COUNT: names so far; stored last, so that an id below it is complete
 *   cells 1...  ENDS: for each id from 1, the offset behind its last byte
 *   then        the names' UTF-8 bytes, one after another
 *
 * Ids start at 1; 0 means "not in the table". Append-only, and outside the ring: a reader that joins late or is overtaken
 * misses no definition.
 */
import { AtomicCells } from '../memory/cells.js';
import { allocateShared } from '../memory/shared-buffer.js';

/** Room for names, on average; the table is full when either its ids or its bytes run out. */
const BYTES_PER_NAME = 64;
const COUNT = 0;
const ENDS = COUNT + 1;
const CELL_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** Cells and bytes of the table; `maxNames` follows from the buffer's size. */
class NameTable {
  readonly cells: AtomicCells;
  readonly bytes: Buffer;
  readonly maxNames: number;

  constructor(buffer: SharedArrayBuffer) {
    this.maxNames = (buffer.byteLength - CELL_BYTES) / (CELL_BYTES + BYTES_PER_NAME);
    this.cells = new AtomicCells(buffer);
    this.bytes = Buffer.from(buffer, (ENDS + this.maxNames) * CELL_BYTES, this.maxNames * BYTES_PER_NAME);
  }

  endOf(id: number): number {
    return id === 0 ? 0 : this.cells.load(ENDS + id - 1);
  }
}

/** Allocates a table for at most `maxNames` names. */
export function allocateNames(maxNames: number): SharedArrayBuffer {
  return allocateShared(CELL_BYTES + maxNames * (CELL_BYTES + BYTES_PER_NAME));
}

/** Grants ids to names. */
export interface NameGrants {
  /** The id of `name`, which had none so far; 0: it gets none. */
  append(name: string): number;
}

/** The appending side. One thread, one instance. */
export class NameRegistry implements NameGrants {
  readonly #table: NameTable;
  #count = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#table = new NameTable(buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** Appends `name`, which the caller knows is not in the table. Returns its id, or 0 when the table is full. */
  append(name: string): number {
    const table = this.#table;
    if (this.#count === table.maxNames) return 0;
    const start = table.endOf(this.#count);
    const length = Buffer.byteLength(name);
    if (start + length > table.bytes.length) return 0;
    table.bytes.write(name, start, length, 'utf8');
    const id = ++this.#count;
    table.cells.store(ENDS + id - 1, start + length);
    // Orders the bytes before the count; a record that carries the id is published later still.
    table.cells.store(COUNT, id);
    return id;
  }
}

/** The looking-up side, in any thread. */
export class NameDirectory {
  readonly #table: NameTable;
  /** Those that were asked for again; the table's own size bounds them. */
  readonly #names: (string | undefined)[] = [];

  constructor(buffer: SharedArrayBuffer) {
    this.#table = new NameTable(buffer);
  }

  /** The name of an id taken from a record; the same string each time. */
  name(id: number): string {
    return this.#names[id] ?? this.#keep(id);
  }

  #keep(id: number): string {
    // No holes: an array with gaps becomes a slow one.
    while (this.#names.length < id) this.#names.push(undefined);
    const name = this.glance(id);
    this.#names[id] = name;
    return name;
  }

  /** The same, and nothing is kept: for names of no further use. */
  glance(id: number): string {
    return this.#table.bytes.toString('utf8', this.#table.endOf(id - 1), this.#table.endOf(id));
  }
}
