/** Faults in the order or the presence of single accesses, for the scheduler's tests: each has to be noticed. */
import type { Cells } from '../../src/memory/cells.js';
import * as control from '../../src/ring/control-descriptor.js';

const FIRST_SLOT = control.slotOf(0);
const SLOT_CELLS = control.slotOf(1) - FIRST_SLOT;

/** Whether a cell is the given one of any reader's slot. */
function isOf(index: number, offset: number): boolean {
  return index >= FIRST_SLOT && (index - FIRST_SLOT) % SLOT_CELLS === offset;
}

/** Cells in which some methods are replaced. */
function altered(cells: Cells, methods: Partial<Cells>): Cells {
  return { ...cells, ...methods };
}

/** Holds back the stores that `holds` picks until after the next access that `until` picks. */
function delayed(
  cells: Cells,
  holds: (index: number, value: number) => boolean,
  until: (access: keyof Cells, index: number, value?: number) => boolean,
): Cells {
  const held: [index: number, value: number][] = [];
  const after = <T>(access: keyof Cells, index: number, value: number | undefined, result: T): T => {
    if (until(access, index, value)) for (const store of held.splice(0)) cells.store(...store);
    return result;
  };
  return altered(cells, {
    load: (index) => after('load', index, undefined, cells.load(index)),
    store: (index, value) => {
      if (holds(index, value)) held.push([index, value]);
      else after('store', index, value, cells.store(index, value));
    },
    or: (index, value) => after('or', index, value, cells.or(index, value)),
    and: (index, value) => after('and', index, value, cells.and(index, value)),
  });
}

/**
 * Stores as arm64 may perform them: plain stores pass those of atomics, which show, in their order, before the next load or
 * read-modify-write. What the ring's code has to bear, not a fault.
 *
 * @param keepsBack whether a read-modify-write of a cell does that
 */
export function lateStores(cells: Cells, keepsBack = (_index: number): boolean => true): Cells {
  const held: [index: number, value: number][] = [];
  const show = (index: number): void => {
    if (keepsBack(index)) for (const store of held.splice(0)) cells.store(...store);
  };
  return altered(cells, {
    store: (index, value) => void held.push([index, value]),
    load: (index) => {
      for (const store of held.splice(0)) cells.store(...store);
      return cells.load(index);
    },
    add: (index, value) => {
      show(index);
      return cells.add(index, value);
    },
    and: (index, value) => {
      show(index);
      return cells.and(index, value);
    },
    or: (index, value) => {
      show(index);
      return cells.or(index, value);
    },
    wait: (index, value, timeoutMs) => {
      show(index);
      cells.wait(index, value, timeoutMs);
    },
    notify: (index) => {
      show(index);
      cells.notify(index);
    },
  });
}

/** The loads that `stale` picks give what the cell held when they, or `since`, last looked. */
function repeating(cells: Cells, stale: (index: number) => boolean, since: (index: number) => boolean): Cells {
  const seen = new Map<number, number>();
  return altered(cells, {
    load: (index) => {
      if (since(index)) seen.clear();
      if (!stale(index)) return cells.load(index);
      if (!seen.has(index)) seen.set(index, cells.load(index));
      return seen.get(index)!;
    },
  });
}

const isSleepers = (index: number): boolean => index === control.SLEEPERS;
const isReleased = (index: number): boolean => isOf(index, control.RELEASED);
const isWake = (index: number): boolean => isOf(index, control.WAKE);

/** In a reader's cells. */
export const readerFaults = {
  'its bit is set before its wake word': (cells: Cells) =>
    delayed(
      cells,
      (index, value) => isWake(index) && value === control.DROWSY,
      (access) => access === 'or',
    ),
  'it does not look at TAIL again': (cells: Cells) => {
    let last = 0;
    let drowsy = false;
    return altered(cells, {
      or: (index, value) => {
        drowsy = true;
        return cells.or(index, value);
      },
      load: (index) => {
        if (index !== control.TAIL) return cells.load(index);
        if (!drowsy) return (last = cells.load(index));
        drowsy = false;
        return last;
      },
    });
  },
  'it says ASLEEP before it has looked again': (cells: Cells) =>
    altered(cells, {
      store: (index, value) => cells.store(index, isWake(index) && value === control.DROWSY ? control.ASLEEP : value),
    }),
  'it wakes itself without its bit': (cells: Cells) =>
    altered(cells, { and: (index, value) => cells.and(index, value) | ~value }),
  'it releases after it has looked whether the writer waits': (cells: Cells) =>
    delayed(
      cells,
      (index) => isReleased(index),
      (access, index) => access === 'load' && index === control.WRITER_WAIT,
    ),
} as const;

/** In the writer's cells. */
export const writerFaults = {
  'it takes a drowsy reader for a sleeping one': (cells: Cells) =>
    altered(cells, {
      load: (index) => {
        const value = cells.load(index);
        return isWake(index) && value === control.DROWSY ? control.ASLEEP : value;
      },
    }),
  'it wakes a reader before it moves its cursor': (cells: Cells) =>
    delayed(
      cells,
      (index) => isReleased(index),
      (access, index) => access === 'store' && isWake(index),
    ),
  'it looks who sleeps before it stores TAIL': (cells: Cells) =>
    delayed(
      cells,
      (index) => index === control.TAIL,
      (access, index) => access === 'load' && isSleepers(index),
    ),
  'it keeps the bit of a reader that it moves': (cells: Cells) => altered(cells, { or: () => 0 }),
  'it notifies nobody': (cells: Cells) => altered(cells, { notify: () => {} }),
  'it does not look at RELEASED again before it waits': (cells: Cells) => {
    let waits = false;
    const seen = new Map<number, number>();
    return altered(cells, {
      store: (index, value) => {
        if (index === control.WRITER_WAIT) waits = value !== control.WRITER_AWAKE;
        cells.store(index, value);
      },
      load: (index) => {
        if (isReleased(index) && waits && seen.has(index)) return seen.get(index)!;
        const value = cells.load(index);
        if (isReleased(index)) seen.set(index, value);
        return value;
      },
    });
  },
} as const;

/** In a lossy reader's cells, or its writer's. */
export const lossyReaderFaults = {
  'it does not look at INTENT after copying': (cells: Cells) =>
    repeating(
      cells,
      (index) => index === control.INTENT || index === control.EPOCH,
      (index) => index === control.TAIL,
    ),
} as const;

export const lossyWriterFaults = {
  'it announces after it has overwritten': (cells: Cells) =>
    delayed(
      cells,
      (index) => index === control.INTENT,
      (access, index) => access === 'store' && index === control.TAIL,
    ),
  'it lets the bytes of records pass INTENT': (cells: Cells) => lateStores(cells, (index) => index !== control.INTENT),
} as const;

/** In an evicted reader's cells. */
export const evictedReaderFaults = {
  'it does not notice its eviction': (cells: Cells) =>
    altered(cells, { load: (index) => (isOf(index, control.STATE) ? control.GATING : cells.load(index)) }),
} as const;
