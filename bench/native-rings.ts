/** Rings that are not JavaScript, where the machine can run them; each is a program of `native/`, run anew for each round. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from './results.js';
import type { Running } from './rounds.js';

const sources = fileURLToPath(new URL('../../bench/native/', import.meta.url));
/** Where Debian's `libdisruptor-java` puts it. */
const DISRUPTOR = '/usr/share/java/disruptor.jar';
const MESSAGES_PER_MS = 10_000;

interface Outcome {
  readonly rate: number;
  readonly checksum: number;
}

/** A ring in C. Undefined, with a line, where there is no gcc. */
export function cRing(benchCase: string): Running | undefined {
  if (!runs('gcc', ['--version'])) return missing(benchCase, 'c-ring', 'there is no gcc');
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-'));
  const program = join(folder, 'ring');
  execFileSync('gcc', ['-O2', '-pthread', '-o', program, join(sources, 'ring.c')]);
  return rounds(benchCase, 'c-ring', program, [], () => rmSync(folder, { recursive: true }));
}

/** LMAX Disruptor. Undefined, with a line, where it or a Java that compiles is missing. */
export function disruptor(benchCase: string): Running | undefined {
  if (!existsSync(DISRUPTOR) || !runs('javac', ['-version'])) {
    return missing(benchCase, 'disruptor', `there is no ${DISRUPTOR}, or no JDK`);
  }
  return rounds(benchCase, 'disruptor', 'java', ['-cp', DISRUPTOR, join(sources, 'DisruptorRing.java')], () => {});
}

function rounds(
  benchCase: string,
  subject: string,
  command: string,
  args: readonly string[],
  close: () => void,
): Running {
  return {
    startsAnew: true,
    async round(roundMs) {
      const messages = Math.ceil(roundMs * MESSAGES_PER_MS);
      const { rate, checksum } = JSON.parse(
        execFileSync(command, [...args, String(messages)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      ) as Outcome;
      check(benchCase, subject, checksum === sumOfLastBytes(messages), `the checksum of ${messages} is ${checksum}`);
      return { rate };
    },
    close,
  };
}

/** Message number n ends with n modulo 256. */
function sumOfLastBytes(messages: number): number {
  let sum = 0;
  for (let n = 0; n < messages; n++) sum = (sum + (n & 255)) >>> 0;
  return sum;
}

function missing(benchCase: string, subject: string, why: string): undefined {
  console.error(`${benchCase} ${subject} is skipped: ${why}`);
}

function runs(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, [...args], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
