/** Finds the buses that processes of this user serve, and follows what they say. */
import { connect, type Socket } from 'node:net';
import type { Sample } from '../../observe/serving/protocol.js';
import { servedSockets, socketFolder } from '../../observe/serving/socket-path.js';
import { InputError } from '../command-errors.js';

/** Longest sample that is read: a few thousand subscriptions. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;

/**
 * The sockets that an operand means: a path, a process id, the name of a bus; all of them without one.
 *
 * @throws {InputError} when nobody serves such a bus
 */
export async function findSockets(operand: string | undefined): Promise<readonly string[]> {
  if (operand?.includes('/')) return [operand];
  const folder = socketFolder();
  const served = await servedSockets(folder).catch((error: Error) => {
    throw new InputError('top', error.message);
  });
  const found = served.filter((path) => operand === undefined || means(path, folder, operand));
  if (found.length > 0) return found;
  const what = operand === undefined ? 'no process serves' : `no process ${operand}, or bus of that name, serves`;
  throw new InputError(
    'top',
    `${what} its statistics in ${folder}; start one with RINGCAST_STATS=1, or call bus.serveStats()`,
  );
}

function means(path: string, folder: string, operand: string): boolean {
  const [, pid, name] = /^(\d+)-(.+)\.sock$/.exec(path.slice(folder.length + 1))!;
  return operand === pid || operand === name;
}

/**
 * Follows a bus. What is read is another process's: a line that is no sample ends it.
 *
 * @param onSample told of each; where it throws, what was read is taken for no sample
 * @param onEnd told once: why nothing more comes
 */
export function followBus(
  path: string,
  intervalMs: number,
  onSample: (sample: Sample) => void,
  onEnd: (reason: string) => void,
): Socket {
  const socket = connect(path);
  let text = '';
  let reason = 'the bus is gone';
  const fail = (why: string): void => {
    reason = why;
    socket.destroy();
  };
  socket.setEncoding('utf8');
  socket.on('connect', () => socket.write(`${JSON.stringify({ v: 1, intervalMs })}\n`));
  socket.on('data', (chunk: string) => {
    const lines = chunk.split('\n');
    lines[0] = text + lines[0]!;
    text = lines.pop()!;
    if (text.length > MAX_LINE_CHARACTERS) fail('a sample is too long');
    for (const line of lines) {
      if (socket.destroyed) return;
      try {
        onSample(parse(line));
      } catch {
        fail('what it says is no sample of this version of ringcast');
      }
    }
  });
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => onEnd(`${path}: ${reason}`));
  return socket;
}

function parse(line: string): Sample {
  const sample = JSON.parse(line) as Partial<Sample> | null;
  if (sample?.v !== 1 || !Array.isArray(sample.stats?.subscriptions)) throw new Error('no sample');
  return sample as Sample;
}
