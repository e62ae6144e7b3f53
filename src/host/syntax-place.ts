/**
 * Where the syntax error of a module is. Node keeps file and line of one in an ES module to itself, unless the error ends the
 * process; of CommonJS and TypeScript it says them in the first line of the stack. V8's inspector knows them all.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { takeMessage } from './ports.js';
import { clearTimeout, setTimeout } from './timing.js';
import { workerThreads } from './worker-threads.js';

/** It takes a tenth of a second. */
const MAX_WAIT_MS = 5_000;

/**
 * Loads a module in a thread of its own, under the inspector, and says where the error is. Nothing of the module runs: it is
 * imported together with something that does not exist, which Node finds out when all is parsed.
 */
const PROBE = `
const { workerData } = require('node:worker_threads');
const { Session } = require('node:inspector');
const { url, port, done } = workerData;
const places = new Map();
const tell = (message, place) => {
  port.postMessage({ message, place });
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
};
try {
  const session = new Session();
  session.connect();
  session.on('Debugger.scriptFailedToParse', ({ params }) => places.set(params.scriptId, params.url));
  session.post('Debugger.enable');
  const entry = 'import ' + JSON.stringify(url) + '; import { nothing } from "data:text/javascript,";';
  import('data:text/javascript,' + encodeURIComponent(entry)).catch((error) => {
    global.error = error;
    const [at] = /^.+:\\d+\\n(?=[^]*^SyntaxError)/m.exec(error.stack) ?? [];
    if (at !== undefined) return tell(error.message, at.trimEnd());
    session.post('Runtime.evaluate', { expression: 'error' }, (_, { result }) => {
      session.post('Runtime.getExceptionDetails', { errorObjectId: result.objectId }, (_, { exceptionDetails }) => {
        const { scriptId, lineNumber, columnNumber } = exceptionDetails;
        const file = places.get(scriptId);
        tell(error.message, file && file + ':' + (lineNumber + 1) + ':' + (columnNumber + 1));
      });
    });
  });
} catch {
  // Such as the permission model, which forbids the inspector.
  tell();
}`;

interface Answer {
  readonly message?: string;
  /** `file:///….js:4:12` */
  readonly place?: string;
}

interface Probe {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly done: Int32Array;
}

/**
 * Puts the place of a syntax error in front of its stack, as Node does for CommonJS, if it is missing and can be found.
 *
 * @param url the module that did not load: the error may be in one that it imports
 * @returns `error`
 */
export async function withPlace(url: string, error: unknown): Promise<unknown> {
  if (!isPlaceless(error)) return error;
  const probe = startProbe(url);
  if (probe === undefined) return error;
  let timer: NodeJS.Timeout | undefined;
  const answer = await new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve({}), MAX_WAIT_MS);
    probe.port.once('message', resolve);
  });
  clearTimeout(timer);
  endProbe(probe);
  return placed(error, answer);
}

/** The same; blocks the thread, where a thread may be blocked. */
export function withPlaceSync(url: string, error: unknown): unknown {
  if (!isPlaceless(error)) return error;
  const probe = startProbe(url);
  if (probe === undefined) return error;
  let answer: Answer | undefined;
  try {
    Atomics.wait(probe.done, 0, 0, MAX_WAIT_MS);
    answer = takeMessage(probe.port) as Answer | undefined;
  } catch {
    // A host that lets no thread block.
  }
  endProbe(probe);
  return placed(error, answer ?? {});
}

/** Whether it is a syntax error of Node's loader, which ran nothing of the module: code that throws one has a frame of its own first. */
export function isOfLoader(error: unknown): error is SyntaxError {
  try {
    return error instanceof SyntaxError && /^\s+at .*/m.exec(error.stack!)![0].includes('(node:internal/');
  } catch {
    return false;
  }
}

/** Whether its stack says nothing about where. */
function isPlaceless(error: unknown): error is SyntaxError {
  return isOfLoader(error) && error.stack!.startsWith('SyntaxError');
}

function startProbe(url: string): Probe | undefined {
  try {
    const { MessageChannel, Worker } = workerThreads();
    const { port1, port2 } = new MessageChannel();
    const done = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(PROBE, {
      eval: true,
      workerData: { url, port: port2, done },
      transferList: [port2],
      // No preloads: they have run.
      execArgv: [],
      env: {},
      stdout: true,
      stderr: true,
    });
    worker.on('error', () => {});
    return { worker, port: port1, done };
  } catch {
    return undefined;
  }
}

function endProbe({ worker, port }: Probe): void {
  port.close();
  void worker.terminate();
}

function placed(error: SyntaxError, { message, place }: Answer): SyntaxError {
  try {
    if (place !== undefined && message === error.message) error.stack = `${place}\n${error.stack}`;
  } catch {
    // It stays as it is.
  }
  return error;
}
