/** Reads what a bus serves, as another process would. */
import { connect, type Socket } from 'node:net';
import type { Sample } from '../../src/index.js';

/** Asks once; resolves with each line that comes until the server ends. */
export function ask(path: string, request: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      text += chunk as unknown as string;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text.split('\n').filter((line) => line !== '')));
    socket.on('connect', () => socket.write(request));
  });
}

export async function sampleOf(path: string): Promise<Sample> {
  const [line] = await ask(path, '{"v":1,"intervalMs":0}\n');
  return JSON.parse(line!) as Sample;
}

/** The first sample of which something holds. Where the bus's thread is late to answer, a sample has what it told before. */
export async function sampleWhere(path: string, holds: (sample: Sample) => boolean): Promise<Sample> {
  for (;;) {
    const sample = await sampleOf(path);
    if (holds(sample)) return sample;
  }
}

/** A client that goes on reading. */
export function follow(path: string, onSample: (sample: Sample) => void): Socket {
  const socket = connect(path);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    const lines = `${text}${chunk}`.split('\n');
    text = lines.pop()!;
    for (const line of lines) onSample(JSON.parse(line) as Sample);
  });
  socket.on('error', () => {});
  socket.write('{"v":1,"intervalMs":100}\n');
  return socket;
}
