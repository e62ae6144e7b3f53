/** Watches the count of beats; when it stands still for too long, prints what was told and ends the process. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

interface Watched {
  readonly beats: Int32Array;
  readonly text: Uint8Array;
  readonly patienceMs: number;
}

const LOOK_MS = 500;
const { beats, text, patienceMs } = workerData as Watched;
let seen = -1;
let quietMs = 0;

setInterval(() => {
  const now = Atomics.load(beats, 0);
  quietMs = now === seen ? quietMs + LOOK_MS : 0;
  seen = now;
  if (quietMs < patienceMs) return;
  const told = Buffer.from(text.slice(0, Math.max(0, text.indexOf(0)))).toString();
  writeSync(2, `\nnothing has gone on for ${patienceMs} ms:\n${told}\n`);
  process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
