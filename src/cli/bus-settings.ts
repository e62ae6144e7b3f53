/** What the buses of the commands have in common. */

/** An event may take an eighth of it. */
export const RING_BYTES = 16 * 1024 * 1024;

/** The longest timeout there is: a reader of the output may take a break in a pager, a disk may be slow. */
export const FOREVER_MS = 2 ** 31 - 1;
