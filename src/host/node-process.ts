/**
 * Node's own `process`, also where a test runner has put a copy in its place: what Node emits there, such as `workerMessage`, it
 * emits on nothing else.
 *
 * Under Jest every other way to it leads to the copy; `vm` evaluates in the context that Node began with.
 */
let found: NodeJS.Process | undefined;

export function nodeProcess(): NodeJS.Process {
  found ??= look();
  return found;
}

function look(): NodeJS.Process {
  try {
    const own = process.getBuiltinModule('node:vm').runInThisContext('process') as NodeJS.Process | undefined;
    if (own?.pid === process.pid) return own;
  } catch {
    // A runtime without it has no such test runner either.
  }
  return process;
}
