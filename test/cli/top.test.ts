import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { Frames } from '../../src/cli/top/frames.js';
import { viewOf } from '../../src/cli/top/top-view.js';
import type { Sample } from '../../src/index.js';
import { FOREVER, until } from '../support/bus-scene.js';
import { CommandLines } from '../support/command-lines.js';
import { type CommandResult, runCommand } from '../support/run-command.js';
import { sampleWith, subscription } from '../support/top-samples.js';

const lib = new URL('../../lib/index.js', import.meta.url).href;
const command = fileURLToPath(new URL('../../lib/cli.js', import.meta.url));
let folder: string;
let env: NodeJS.ProcessEnv;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rc-'));
  env = { ...process.env, XDG_RUNTIME_DIR: folder, NO_COLOR: undefined, FORCE_COLOR: undefined };
});
after(() => rmSync(folder, { recursive: true }));

/** A process that serves a bus as `name`, then runs the script. */
async function served(name: string, script: string): Promise<ChildProcess> {
  const source = `
    import { createBus } from '${lib}';
    const bus = createBus({ capacityBytes: 65536 });
    await bus.serveStats({ name: '${name}' });
    ${script}`;
  const args = ['--no-warnings', '--input-type=module', '-e', source];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

/** What sets colours, as `tmux` prints it. */
const COLOUR = new RegExp(`${String.fromCharCode(0x1b)}\\[[\\d;]*m`);
const SIXTY = `
  for (let i = 0; i < 60; i++) bus.subscribe('/jobs/' + i + '/*', () => {}, { name: 'worker-' + i });
  setInterval(() => { for (let i = 0; i < 60; i++) bus.publish('/jobs/' + i + '/done', { i }); }, 100);
  console.log('on');`;

const commands = new CommandLines();
after(() => commands.close());

/** Runs `top` to its end, without a terminal. */
function top(...args: readonly string[]): Promise<CommandResult> {
  return commands.runWith({ env: { XDG_RUNTIME_DIR: folder } }, 'top', ...args);
}

const PLAIN = { colour: false, sort: 'backlog', skip: 0, which: 'every 1 s', paused: false } as const;

describe('the view of top', () => {
  const sixty = Array.from({ length: 60 }, (_, i) => subscription(`s${i}`, { backlogBytes: i, delivered: i * 100 }));

  for (const [columns, rows] of [
    [80, 24],
    [200, 60],
    [40, 10],
    [1, 1],
  ] as const) {
    test(`fills a screen of ${columns} by ${rows}, and no more`, () => {
      const lines = viewOf(sampleWith(sixty), undefined, { ...PLAIN, columns, rows });
      assert.ok(lines.length <= rows);
      for (const line of lines) assert.ok(line.length <= columns, line);
      const coloured = viewOf(sampleWith(sixty), undefined, { ...PLAIN, columns, rows, colour: true });
      assert.deepEqual(coloured.map(stripVTControlCharacters), lines);
      if (rows < 24) return;
      assert.match(lines[5]!, /^s59 /);
      const shown = lines.filter((line) => /^s\d/.test(line)).length;
      assert.equal(shown, Math.min(60, rows - 6));
      assert.match(lines.at(-1)!, new RegExp(`^${60 - shown} more`));
    });
  }

  test('shows rates between two samples, the ring, and who holds it', () => {
    const before = sampleWith([subscription('w', { delivered: 100 })], 1_000, 5_000);
    const now = sampleWith([subscription('w', { delivered: 600, lagged: 7, backlogBytes: 2_048 })], 41_000, 7_000);
    const lines = viewOf(now, before, { ...PLAIN, columns: 120, rows: 24 });
    assert.match(lines[0]!, /^orders {2}pid 7 {2}served for 00:00:07 /);
    assert.match(lines[1]!, /published 20\.0k\/s .* refused 3 {2}queued 2 \(3\.9 K\) {2}evicted 1/);
    assert.match(lines[2]!, /^ring \[#{15}\.{15}\] 32\.0 K of 64\.0 K {2}held by subscription "w" for 1\.5 s/);
    assert.equal(lines[3], 'The ring is full.');
    assert.match(lines[5]!, /^w +reading +250 +2\.0 K +7 /);
  });

  test('shows connections among what has a backlog, and what was lost with some', () => {
    const counts = { producer: 1, unwanted: 0, received: 0, refused: 2, uplinkBytes: 4_096 };
    const connection = { name: 'resizer', threadId: 9, published: 500, pending: 3, pendingMs: 2_000, ...counts };
    // One whose handler is on the connected thread.
    const rows = [subscription('w', { backlogBytes: 1, thread: 'connection', connection: 'resizer' })];
    const before = sampleWith(rows, 0, 5_000, [{ ...connection, published: 100 }]);
    const lines = viewOf(sampleWith(rows, 0, 6_000, [connection]), before, { ...PLAIN, columns: 200, rows: 24 });
    assert.match(lines[1]!, / lost with connections 4$/);
    assert.match(lines[5]!, /^resizer +waiting +400 +4\.0 K +2\.0 s .* 9 +publishes; 3 waiting, 2 refused/);
    assert.match(lines[6]!, /^w .* resizer +\/a\/\*\*/);
  });

  test('sorts as it is told', () => {
    const some = [
      subscription('b', { delivered: 9 }),
      subscription('c', { lagged: 9 }),
      subscription('a', { backlogBytes: 9 }),
    ];
    const first = (sort: 'backlog' | 'events' | 'lagged' | 'name'): string =>
      viewOf(sampleWith(some), undefined, { ...PLAIN, columns: 80, rows: 24, sort })[5]![0]!;
    assert.deepEqual([first('backlog'), first('events'), first('lagged'), first('name')], ['a', 'b', 'c', 'a']);
  });

  test('lets no name or filter command the terminal', () => {
    const evil = '\x1b[2J\x07\u202e\n\x9b31m';
    const sample = { ...sampleWith([subscription(evil, { filter: evil, connection: evil })]), name: evil, node: evil };
    sample.health = { ok: false, message: evil, problems: [] };
    const lines = viewOf({ ...sample }, undefined, { ...PLAIN, columns: 200, rows: 24 });
    for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\u202e]/u);
  });
});

describe('what top shows of another process', () => {
  test('is text in every place of a sample, on lines that fit, also where characters take two cells or none', () => {
    const evil = '\x1b]0;title\x07\u2066\u200d\ud800日本語テキスト👩‍🚀e\u0301\u0301ع';
    const sample = sampleWith([
      subscription(evil, { state: evil as never, thread: evil as never, filter: { topics: [evil] } }),
    ]);
    const hostile = {
      ...sample,
      ...{ name: evil, node: evil },
      stats: {
        ...sample.stats,
        bridges: [{ name: evil, state: evil }],
        ring: { ...sample.stats.ring, heldBy: evil },
      },
    } as unknown as Sample;
    for (const columns of [1, 20, 80, 200]) {
      for (const line of viewOf(hostile, undefined, { ...PLAIN, columns, rows: 24, which: evil })) {
        assert.doesNotMatch(line, /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069]|[\p{Cs}\p{M}]/u);
        const cells = [...line].reduce((sum, character) => sum + (/[日本語テキスト👩🚀]/u.test(character) ? 2 : 1), 0);
        assert.ok(cells <= columns, `${cells} cells in ${columns}: ${line}`);
      }
    }
  });

  test('keeps subscriptions of one name apart, and rates them each by itself', () => {
    const two = (first: number, second: number) => [
      subscription('same', { delivered: first, backlogBytes: 9 }),
      subscription('same', { delivered: second }),
    ];
    const before = sampleWith(two(0, 100), 0, 1_000);
    const lines = viewOf(sampleWith(two(5, 107), 0, 2_000), before, { ...PLAIN, columns: 120, rows: 24 });
    const rates = lines.filter((line) => line.startsWith('same')).map((line) => line.split(/\s+/)[2]);
    assert.deepEqual(rates, ['5', '7']);
  });

  test('that says what is no sample ends it with one line, and exit code 1', async () => {
    const nonsense = [
      'hello',
      '{"v":2}',
      '{"v":1,"stats":{"subscriptions":[]}}',
      `{"v":1,"uptimeMs":1e99,"stats":{"subscriptions":[1],"connections":[]}}`,
      JSON.stringify({ ...sampleWith([]), uptimeMs: 'x\u001b[2J' }),
      JSON.stringify({ ...sampleWith([]), health: null }),
    ];
    for (const [index, line] of nonsense.entries()) {
      const path = join(folder, `nonsense-${index}`);
      const server = createServer((socket) => socket.on('error', () => {}).write(`${line}\n`)).listen(path);
      await once(server, 'listening');
      // The first ends its own process.
      const { exitCode, stdout, stderr } = await (index === 0 ? runCommand(['top', path]) : top(path));
      assert.equal(stdout, '', line);
      assert.match(stderr, /^ringcast: .*: what it says is no sample of this version of ringcast\n$/, line);
      assert.equal(exitCode, 1);
      server.close();
    }
  });
});

describe('the frames of top', () => {
  test('tell the terminal what has changed, in one piece, and nothing when nothing has', () => {
    const frames = new Frames();
    assert.equal(frames.next(['a', 'b'], 3), '\x1b[?2026h\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K\x1b[3;1H\x1b[J\x1b[?2026l');
    assert.equal(frames.next(['a', 'b'], 3), '');
    assert.equal(frames.next(['a', 'c', 'd'], 3), '\x1b[?2026h\x1b[2;1Hc\x1b[K\x1b[3;1Hd\x1b[K\x1b[?2026l');
    assert.equal(frames.next(['a'], 3), '\x1b[?2026h\x1b[2;1H\x1b[J\x1b[?2026l');
    frames.forget();
    assert.equal(frames.next(['a'], 1), '\x1b[?2026h\x1b[1;1Ha\x1b[K\x1b[?2026l');
  });
});

describe('ringcast top', { timeout: 600_000 }, () => {
  test('says whose fault it is while the process is blocked and a subscriber is stuck', async () => {
    const child = await served(
      'blocked',
      `import { existsSync } from 'node:fs';
      const busy = 'data:text/javascript,export default () => { ${FOREVER} }';
      await bus.subscribe('/a', new URL(busy), { name: 'culprit' }).ready;
      process.stdout.write('on', () => {
        while (bus.publish('/a', 'x'.repeat(2000)));
        while (!existsSync('${folder}/seen')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        process.exit();
      });`,
    );
    const lines: Sample[] = [];
    const watcher = spawn(process.execPath, [command, 'top', 'blocked', '--json', '-i', '100'], { env });
    let text = '';
    watcher.stdout.on('data', (data) => {
      const parts = `${text}${data}`.split('\n');
      text = parts.pop()!;
      for (const line of parts) lines.push(JSON.parse(line) as Sample);
    });
    const gone = once(watcher, 'exit');
    const tells = ({ blockedMs, health }: Sample): boolean =>
      blockedMs >= 1_000 && health.problems.some(({ kind }) => kind === 'ring-held');
    await until(() => lines.some(tells));
    const telling = lines.find(tells)!;
    assert.deepEqual(
      telling.health.problems.map(({ kind, subject }) => [kind, subject]),
      [
        ['blocked', 'bus'],
        ['ring-held', 'subscription "culprit"'],
      ],
    );
    assert.equal(telling.pid, child.pid);
    writeFileSync(join(folder, 'seen'), '');
    await gone;
  });

  test('prints blocks without a terminal, JSON when asked, of all buses or the one that is named', async () => {
    const [one, two] = await Promise.all([served('one', SIXTY), served('two', SIXTY)]);
    try {
      const blocks = await top('one', '--count', '2', '--interval', '100');
      assert.equal(blocks.exitCode, 0, blocks.stderr);
      assert.equal(blocks.stdout.match(/^one {2}pid/gm)?.length, 2);
      assert.equal(blocks.stdout.match(/^worker-/gm)?.length, 120);
      assert.doesNotMatch(blocks.stdout, /quit/);
      const all = await top('--json', '-n', '1');
      const samples = all.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Sample);
      assert.deepEqual(samples.map(({ name }) => name).sort(), ['one', 'two']);
      const byPid = JSON.parse((await top(`${two.pid}`, '--json', '-n', '1')).stdout) as Sample;
      assert.deepEqual([byPid.name, byPid.stats.subscriptions.length], ['two', 60]);
    } finally {
      for (const child of [one, two]) child.kill('SIGKILL');
    }
  });

  test('ends when nobody reads it any more', async () => {
    const child = await served('piped', SIXTY);
    try {
      const line = `'${process.execPath}' '${command}' top piped --json -i 100 | head -n 1`;
      const { stdout, stderr, status } = spawnSync('sh', ['-c', line], { env, encoding: 'utf8', timeout: 600_000 });
      assert.deepEqual([status, stderr, (JSON.parse(stdout) as Sample).name], [0, '', 'piped']);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('says that nobody serves, and what it does not understand', async () => {
    const nobody = await top('nobody');
    assert.equal(nobody.exitCode, 1);
    assert.match(nobody.stderr, /no process nobody, or bus of that name, serves .* RINGCAST_STATS=1/);
    for (const args of [
      ['a', 'b'],
      ['--interval', '1'],
      ['--count', 'x'],
    ])
      assert.equal((await top(...args)).exitCode, 2);
    assert.equal((await top('/no/such/path', '--json')).exitCode, 1);
  });

  let sessions = 0;
  const tmux = (...args: readonly string[]): string => {
    // A server of its own: the last one may not be gone yet, and take this session with it.
    if (args[0] === 'new-session') sessions++;
    const server = ['-L', `rc-${process.pid}-${sessions}`, '-f', '/dev/null'];
    return execFileSync('tmux', [...server, ...args], { env, encoding: 'utf8' });
  };
  const hasTmux = spawnSync('tmux', ['-V']).status === 0;

  test('draws itself on a terminal, follows its size, and leaves it as it was', {
    skip: !hasTmux && 'tmux is missing',
  }, async () => {
    const child = await served('tmuxed', SIXTY);
    const screen = (): string[] => tmux('capture-pane', '-p').split('\n');
    try {
      const line = `printf 'before\\n'; '${process.execPath}' '${command}' top tmuxed -i 100; echo "left with $?"; cat`;
      tmux('new-session', '-d', '-x', '80', '-y', '24', line);
      const waitFor = (pattern: RegExp): Promise<void> => until(() => pattern.test(screen().join('\n')));
      await waitFor(/^worker-\d/m);
      await waitFor(/published \d/);
      assert.equal(screen().filter((row) => /^worker-\d/.test(row)).length, 18);
      assert.match(screen()[23]!, /^42 more: up, down {3}q quit/);
      tmux('resize-window', '-x', '200', '-y', '60');
      await until(() => screen().filter((row) => /^worker-\d/.test(row)).length === 54);
      assert.match(screen()[59]!, /^6 more/);
      tmux('send-keys', 's');
      await waitFor(/sort \(events\)/);
      tmux('send-keys', 'p');
      await waitFor(/PAUSED/);
      tmux('send-keys', 'p');
      tmux('send-keys', 'q');
      await waitFor(/left with 0/);
      assert.match(screen().join('\n'), /before\nleft with 0/);
    } finally {
      tmux('kill-server');
      child.kill('SIGKILL');
    }
  });

  // One for all tests below that leave it as it is. Those above look at all that is served.
  let shown: ChildProcess | undefined;
  after(() => shown?.kill('SIGKILL'));

  /** `top` in a terminal of a shell, once it has drawn itself; `variables` are those of its environment. */
  async function inTerminal(variables: string, act: () => Promise<void>): Promise<void> {
    shown ??= await served('shown', SIXTY);
    try {
      const top = `echo $$ > ${folder}/pid; exec env ${variables} "${process.execPath}" "${command}" top shown -i 100`;
      // A shell with job control, as users have it.
      tmux('new-session', '-d', '-x', '80', '-y', '24', 'sh -m');
      tmux('send-keys', `echo before; sh -c '${top}'; echo left with $?`, 'Enter');
      await until(() => /^worker-\d/m.test(tmux('capture-pane', '-p')));
      await act();
    } finally {
      tmux('kill-server');
    }
  }

  for (const [variables, isColoured] of [
    ['FORCE_COLOR=1', true],
    ['NO_COLOR=1', false],
    ['FORCE_COLOR=0', false],
  ] as const) {
    test(`is ${isColoured ? '' : 'not '}coloured on a terminal with ${variables}`, {
      skip: !hasTmux && 'tmux is missing',
    }, async () => {
      // What tells the colours from the text, the terminal has kept.
      await inTerminal(variables, async () => {
        assert.equal(COLOUR.test(tmux('capture-pane', '-p', '-e')), isColoured);
      });
    });
  }

  test('prints blocks, and no escape, on a terminal that knows none', {
    skip: !hasTmux && 'tmux is missing',
  }, async () => {
    await inTerminal('TERM=dumb', async () => {
      assert.equal(tmux('display-message', '-p', '#{cursor_flag} #{alternate_on}').trim(), '1 0');
      assert.ok(!tmux('capture-pane', '-p', '-e').includes('\x1b'));
    });
  });

  test('gives the terminal back while it is stopped, and draws itself again when it goes on', {
    skip: !hasTmux && 'tmux is missing',
  }, async () => {
    await inTerminal('A=1', async () => {
      const screen = (): string => tmux('capture-pane', '-p');
      for (const stop of [
        () => void tmux('send-keys', 'C-z'),
        () => void process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGTSTP'),
      ]) {
        stop();
        await until(() => /echo before/.test(screen()) && !/worker-\d/.test(screen()));
        const cursor = tmux('display-message', '-p', '#{cursor_flag} #{alternate_on}').trim();
        assert.equal(cursor, '1 0');
        tmux('send-keys', 'fg', 'Enter');
        await until(() => /^worker-\d/m.test(screen()) && !/echo before/.test(screen()));
        assert.equal(tmux('display-message', '-p', '#{cursor_flag} #{alternate_on}').trim(), '0 1');
      }
      tmux('send-keys', 'q');
      await until(() => /left with/.test(screen().replace(/echo left with/g, '')));
    });
  });

  for (const [what, end] of [
    ['Control-C is pressed', () => void tmux('send-keys', 'C-c')],
    ...(['SIGTERM', 'SIGHUP'] as const).map(
      (signal) =>
        [
          `it gets ${signal}`,
          () => void process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), signal),
        ] as const,
    ),
    // The last one: the bus is that of the others.
    ['the bus is gone', () => void shown!.kill('SIGKILL')],
  ] as const) {
    test(`leaves the terminal as it was when ${what}`, { skip: !hasTmux && 'tmux is missing' }, async () => {
      shown ??= await served('shown', SIXTY);
      try {
        const top = `echo $$ > ${folder}/pid; exec "${process.execPath}" "${command}" top shown -i 100`;
        const line = `printf 'before\\n'; sh -c '${top}'; echo "left with $?"; cat`;
        tmux('new-session', '-d', '-x', '80', '-y', '24', line);
        await until(() => /^worker-\d/m.test(tmux('capture-pane', '-p')));
        end();
        await until(() => /left with 0/.test(tmux('capture-pane', '-p')));
        assert.match(tmux('capture-pane', '-p'), /^before\n/);
      } finally {
        tmux('kill-server');
      }
    });
  }

  test('ends, and does not abort, when its terminal is gone', { skip: !hasTmux && 'tmux is missing' }, async () => {
    const code = join(folder, 'code');
    // Outlives the hang-up, to say how the command has ended.
    const script = `trap : HUP; "${process.execPath}" "${command}" top last -i 100; echo $? > ${code}`;
    const last = await served('last', SIXTY);
    try {
      tmux('new-session', '-d', '-x', '80', '-y', '24', script);
      await until(() => /^worker-\d/m.test(tmux('capture-pane', '-p')));
      tmux('kill-server');
      await until(() => existsSync(code) && readFileSync(code, 'utf8').endsWith('\n'));
      assert.equal(readFileSync(code, 'utf8'), '129\n');
    } finally {
      last.kill('SIGKILL');
    }
  });
});
