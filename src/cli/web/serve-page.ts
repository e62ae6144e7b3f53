/** `ringcast top --web`. */
import { findSockets } from '../top/served-buses.js';
import { readPageFiles } from './page-files.js';
import { PageServer } from './page-server.js';
import { SampleStreams } from './sample-streams.js';

/**
 * Serves the page until the process is told to end.
 *
 * @param operand which buses, as of {@link findSockets}
 * @throws {InputError} when nobody serves such a bus now
 */
export async function servePage(operand: string | undefined, intervalMs: number, port: number): Promise<void> {
  const find = (): Promise<readonly string[]> => findSockets(operand);
  await find();
  const server = new PageServer(readPageFiles(), new SampleStreams(find, intervalMs));
  const address = await server.listen(port);
  process.stdout.write(`${address}\n`);
  process.stderr.write('Open this address in a browser of this machine. Control-C ends it.\n');
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  server.close();
}
