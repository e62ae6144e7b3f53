/** Peers that bring no types, as far as the suite uses them. */
declare module 'qlobber' {
  interface QlobberOptions {
    separator?: string;
    wildcard_one?: string;
    wildcard_some?: string;
  }
  export class Qlobber<V> {
    constructor(options?: QlobberOptions);
    add(pattern: string, value: V): this;
    match(topic: string): V[];
  }
}
