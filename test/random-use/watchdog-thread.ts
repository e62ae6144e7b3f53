/** Watches the count of beats; when it stands still for too long, prints what was told and ends the process. */
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { type Debugger, Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';

interface Watched {
  readonly beats: Int32Array;
  readonly text: Uint8Array;
  readonly patienceMs: number;
}

const LOOK_MS = 500;
/** How long the main thread has to stop where it is: one that is in a call into the system does not. */
const STACK_PATIENCE_MS = 3_000;
const { beats, text, patienceMs } = workerData as Watched;
let seen = -1;
let quietMs = 0;
/** By thread, in nanoseconds. */
const queued = new Map<string, number>();

const timer = setInterval(() => {
  const now = Atomics.load(beats, 0);
  // Only time in which every thread had a core when it wanted one: on a busy machine, threads take minutes to start.
  quietMs = now === seen ? quietMs + Math.max(0, LOOK_MS - queuedMs()) : 0;
  seen = now;
  if (quietMs < patienceMs) return;
  clearInterval(timer);
  const told = Buffer.from(text.slice(0, Math.max(0, text.indexOf(0)))).toString();
  writeSync(2, `\nnothing has gone on for ${patienceMs} ms:\n${told}\n`);
  printStack();
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), STACK_PATIENCE_MS);
}, LOOK_MS);

/** How long threads of this process have waited for a core since the last call, as far as the system tells. */
function queuedMs(): number {
  let sum = 0;
  try {
    for (const task of readdirSync('/proc/self/task')) {
      const [, queuedNs] = readFileSync(`/proc/self/task/${task}/schedstat`, 'utf8').split(' ').map(Number);
      sum += (queuedNs! - (queued.get(task) ?? 0)) / 1e6;
      queued.set(task, queuedNs!);
    }
  } catch {
    // Not Linux, or the thread has ended meanwhile.
  }
  return sum;
}

/** Prints where the main thread is: it may be spinning. One that waits for something stops nowhere. */
function printStack(): void {
  const session = new Session();
  session.connectToMainThread();
  const onPaused = ({ params: { callFrames } }: { params: Debugger.PausedEventDataType }): void => {
    for (const { functionName, url, location } of callFrames) {
      writeSync(2, `  at ${functionName} ${url}:${location.lineNumber + 1}\n`);
    }
  };
  session.on('Debugger.paused', onPaused);
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}
