/** The arguments of `ringcast run`. */
import { parseArgs } from 'node:util';

export const RUN_USAGE = `Usage: ringcast run IMAGE [--runtime runc|process] [--memory SIZE] [-- COMMAND…]
       ringcast run --demo [--runtime runc|process]
       ringcast run IMAGE|--demo --address SOCKET [--memory SIZE] [-- COMMAND…]

Imports a container image, runs it, and prints the events as they happen.

  IMAGE            an OCI image archive (.tar, .tar.gz), a folder with an OCI layout, or - for standard input
  --runtime NAME   process (default): plain child processes; runc: real containers, needs root
  --memory SIZE    limit such as 8m or 1g; implies the runtime runc
  --address SOCKET in a running containerd, by its command \`ctr\`, in a namespace that is removed at the end; IMAGE is
                   an archive then. Needs the package @grpc/grpc-js
  --demo           builds a small image from this machine's shell, and shows an exit, a failure, a kill, and
                   with runc a container that runs out of memory
  COMMAND…         instead of the image's own

Events go to standard output, the container's output to standard error. The exit code is the container's; 1 when it
could not be run, 2 for wrong usage.
`;

export interface RunOptions {
  /** Undefined for the demo. */
  image: string | undefined;
  /** Undefined: not said. */
  runtime: 'runc' | 'process' | undefined;
  memoryBytes: number | undefined;
  command: readonly string[] | undefined;
  /** The socket of a containerd that runs it; undefined: this process does. */
  address: string | undefined;
}

/** Wrong usage: the message is for the user, the exit code is 2. */
export class UsageError extends Error {}

/** Undefined if help was asked for. */
export function parseRunOptions(args: readonly string[]): RunOptions | undefined {
  const split = args.indexOf('--');
  const own = split < 0 ? args : args.slice(0, split);
  const command = split < 0 ? undefined : args.slice(split + 1);
  const { values, positionals } = parse(own);
  if (values.help) return undefined;
  const [image, ...more] = positionals;
  if (more.length > 0)
    throw new UsageError(`one image at a time; put ${JSON.stringify(more[0])} behind -- if it is a command`);
  if (command?.length === 0) throw new UsageError('there is no command behind --');
  if (values.demo && (image !== undefined || command || values.memory !== undefined)) {
    throw new UsageError('--demo takes no image, no command and no --memory');
  }
  if (!values.demo && image === undefined) throw new UsageError('which image? Give a file, or --demo');
  const { runtime } = values;
  if (runtime !== undefined && runtime !== 'runc' && runtime !== 'process') {
    throw new UsageError(`--runtime must be runc or process, not ${JSON.stringify(runtime)}`);
  }
  const memoryBytes = parseMemory(values.memory);
  if (runtime === 'process' && memoryBytes !== undefined) throw new UsageError('--memory needs --runtime runc');
  const { address } = values;
  if (address !== undefined && runtime !== undefined)
    throw new UsageError('--runtime is for what runs here; containerd has its own');
  return { image, runtime, memoryBytes, command, address };
}

function parse(args: readonly string[]) {
  const options = {
    runtime: { type: 'string' },
    memory: { type: 'string' },
    address: { type: 'string', short: 'a' },
    demo: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    // Its second sentence explains how to pass what starts with a dash, which no image does.
    throw new UsageError((error as Error).message.replace(/\. To specify.*/s, ''));
  }
}

const UNITS = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function parseMemory(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = /^(\d{1,12})([kmg]?)$/i.exec(text);
  const bytes = Number(parts?.[1]) * UNITS[(parts?.[2] ?? '').toLowerCase() as keyof typeof UNITS];
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(`--memory must be a size such as 8m or 1g, not ${JSON.stringify(text)}`);
}
