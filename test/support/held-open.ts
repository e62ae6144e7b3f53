/** What a process that does not end is at: from the diagnostic report that Node writes of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The parts that are read of https://nodejs.org/api/report.html */
interface ThreadReport {
  readonly header: { readonly threadId: number | null; readonly threadName?: string };
  readonly javascriptStack?: { readonly stack?: readonly string[] };
  readonly libuv: readonly Handle[];
  readonly workers?: readonly ThreadReport[];
}

interface Handle {
  readonly type: string;
  readonly is_active?: boolean;
  readonly is_referenced?: boolean;
  readonly pid?: number;
  readonly firesInMsFromNow?: number;
  readonly filename?: string;
  readonly localEndpoint?: Endpoint | null;
  readonly remoteEndpoint?: Endpoint | null;
}

type Endpoint = { readonly ip4?: string; readonly ip6?: string; readonly port: number } | string;

/** The arguments of Node with which a process writes its report on SIGUSR2: into that folder, once there is one. */
export function reportOnSignal(folder: string): string[] {
  return ['--report-on-signal', `--report-directory=${folder}`];
}

/** Lines on the only report in that folder, or that there is none: a thread that runs no JavaScript writes none. */
export function heldOpen(folder: string): string {
  try {
    const [name] = readdirSync(folder);
    return describeThread(JSON.parse(readFileSync(join(folder, name!), 'utf8')) as ThreadReport, 'main thread');
  } catch {
    return '  unknown: the main thread did not write a report; it is blocked, or too busy\n';
  }
}

function describeThread({ libuv, javascriptStack, workers = [] }: ThreadReport, name: string): string {
  const handles = libuv.filter((handle) => handle.is_active && handle.is_referenced).map(describeHandle);
  const stack = (javascriptStack?.stack ?? []).filter((line) => /^at (?!.*\(node:internal)/.test(line));
  const threads = workers.map((worker) => {
    const { threadId, threadName } = worker.header;
    return describeThread(worker, `worker ${threadId}${threadName === undefined ? '' : ` ${threadName}`}`);
  });
  return `  ${name}: ${handles.join(', ') || 'no handle'}${stack.map((line) => `\n      ${line}`).join('')}\n${threads.join('')}`;
}

function describeHandle(handle: Handle): string {
  const { pid, firesInMsFromNow, filename, localEndpoint, remoteEndpoint } = handle;
  const ends = [localEndpoint, remoteEndpoint].flatMap((end) => (end ? [describeEnd(end)] : []));
  const type = handle.type === 'async' ? 'message port' : handle.type;
  const details = [
    ...(pid === undefined ? [] : [`process ${pid}`]),
    ...(firesInMsFromNow === undefined ? [] : [`in ${firesInMsFromNow} ms`]),
    ...(filename === undefined ? [] : [filename]),
    ...(ends.length === 0 ? [] : [ends.join(' to ')]),
  ];
  return details.length === 0 ? type : `${type} (${details.join(', ')})`;
}

function describeEnd(end: Endpoint): string {
  return typeof end === 'string' ? end : `${end.ip4 ?? end.ip6}:${end.port}`;
}
