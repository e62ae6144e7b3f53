/** Options objects whose values are what they say at the first look only, and that count the looks. */

const NOBODYS = Symbol('read a second time');

/** Makes an options object, or a list, that counts how often each of its values is read. */
export type Make = <T extends object>(values: T) => T;

/** An object with these values at the first look at each; how often each was looked at is counted. */
export function fickle<T extends object>(values: T, looks: Map<string, number>): T {
  const look = (key: string, value: unknown): unknown => {
    const before = looks.get(key) ?? 0;
    looks.set(key, before + 1);
    return before === 0 ? value : NOBODYS;
  };
  if (Array.isArray(values)) {
    for (const index of values.keys()) looks.set(`${index}`, 0);
    return new Proxy(values, {
      get: (list, key) => (typeof key === 'string' && /^\d/.test(key) ? look(key, list[+key]) : Reflect.get(list, key)),
    });
  }
  const object = {};
  for (const [key, value] of Object.entries(values)) {
    looks.set(key, 0);
    Object.defineProperty(object, key, { enumerable: true, get: () => look(key, value) });
  }
  return object as T;
}

/** A {@link Make}, and what was looked at how often in each object that it made. */
export function countingMake(): { readonly make: Make; readonly all: readonly ReadonlyMap<string, number>[] } {
  const all: Map<string, number>[] = [];
  const make: Make = (values) => {
    const looks = new Map<string, number>();
    all.push(looks);
    return fickle(values, looks);
  };
  return { make, all };
}
