/** `ringcast shim-wrapper`: writes a runtime for containerd whose containers publish their events to a socket of ours. */
import { chmodSync, writeFileSync } from 'node:fs';
import { defineCommand } from './command.js';
import { UsageError } from './command-errors.js';

const HELP = `Usage: ringcast shim-wrapper --out PATH --address SOCKET [--shim PROGRAM]

Writes an executable of two lines that starts a containerd shim whose events go to SOCKET, where a bus is served with
serveEvents. Called containerd-shim-ringcast-v1 on containerd's PATH, it is the runtime io.containerd.ringcast.v1:

  ctr run --runtime io.containerd.ringcast.v1 IMAGE ID

Only containers that are started with it publish there; containerd gets their task events if serveEvents has forwardTo.

Options:
  -o, --out PATH        the file to write; one that is there is replaced
  -a, --address SOCKET  an absolute path
      --shim PROGRAM    default containerd-shim-runc-v2
  -h, --help            this text
`;

const HINT = 'Give --out PATH and --address SOCKET; see ringcast shim-wrapper --help.';

export const command = defineCommand({
  name: 'shim-wrapper',
  help: HELP,
  options: {
    out: { type: 'string', short: 'o' },
    address: { type: 'string', short: 'a' },
    shim: { type: 'string' },
  },
  run({ out, address, shim = 'containerd-shim-runc-v2' }, operands) {
    if (operands.length > 0) throw new UsageError(`shim-wrapper: unexpected ${JSON.stringify(operands[0])}`, HINT);
    if (out === undefined || address === undefined)
      throw new UsageError('shim-wrapper: --out and --address are needed', HINT);
    // Shims have folders of their own as their working directory.
    const path = address.replace(/^unix:\/\//, '');
    if (!path.startsWith('/')) throw new UsageError('shim-wrapper: --address must be an absolute path', HINT);
    writeFileSync(out, `#!/bin/sh\nTTRPC_ADDRESS=${quoted(path)} exec ${quoted(shim)} "$@"\n`, { mode: 0o755 });
    // Of a file that was there, too.
    chmodSync(out, 0o755);
    return Promise.resolve();
  },
});

/** As one word of the shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
