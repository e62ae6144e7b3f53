import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { Envelope, TaskExit } from '../../src/events.js';
import { CommandLines } from '../support/command-lines.js';
import { covering } from '../support/full.js';
import { type CommandResult, CTR_LINES, FIXTURE, runCommand, startCommand } from '../support/run-command.js';

const stream = readFileSync(FIXTURE);
const ctrText = readFileSync(CTR_LINES, 'utf8');
const ctrLines = ctrText.split(/(?<=\n)/);

/** So many events at the head of the stream have all that the stream has, but for its length. */
const HEAD_EVENTS = 300;
const head = stream.subarray(0, endOf(HEAD_EVENTS));
const headLines = ctrLines.slice(0, HEAD_EVENTS);

/** The first byte behind so many envelopes of the stream, each of less than 16 KiB behind its length. */
function endOf(envelopes: number): number {
  let at = 0;
  for (let left = envelopes; left > 0; left--) {
    const [low = 0, high = 0] = stream.subarray(at);
    at += low < 128 ? 1 + low : 2 + (low & 127) + (high << 7);
  }
  return at;
}

function linesOn(pattern: RegExp): string {
  return headLines.filter((line) => pattern.test(line.split(' ')[5]!)).join('');
}

function chunksOf(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.subarray(start, start + size));
  return chunks;
}

function delimited(envelope: Buffer): Buffer {
  assert.ok(envelope.length < 128 * 128);
  const { length } = envelope;
  return Buffer.concat([length < 128 ? Buffer.of(length) : Buffer.of((length & 127) | 128, length >> 7), envelope]);
}

function envelopeOf(typeUrl: string, value: Uint8Array, topic = '/tasks/exit'): Buffer {
  const bytes = Buffer.alloc(4096);
  const envelope = new Envelope({
    timestamp: { seconds: 1, nanos: 5 },
    namespace: 'default',
    topic,
    event: { typeUrl, value },
  });
  return bytes.subarray(0, Envelope.encode(envelope, bytes, 0, bytes.length));
}

function taskExit(containerId: string): Buffer {
  const bytes = Buffer.alloc(256);
  return bytes.subarray(0, TaskExit.encode(new TaskExit({ containerId }), bytes, 0, bytes.length));
}

const commands = new CommandLines();
after(() => commands.close());

/** What the command makes of an input, in a process that it shares with others: tests of input and output start their own. */
function print(args: readonly string[], input: readonly Uint8Array[]): Promise<CommandResult> {
  return commands.runWith({ input }, ...args);
}

describe('ringcast events', () => {
  it('prints a recorded stream as ctr events printed it, byte for byte', async () => {
    assert.equal(ctrLines.length, 2550);
    const { exitCode, stdout, stderr } = await runCommand(['events', FIXTURE]);
    assert.equal(stderr, '');
    assert.ok(stdout === ctrText, 'the text is the same');
    assert.equal(exitCode, 0);
  });

  it('prints what a filter selects and nothing else', async () => {
    const { exitCode, stdout } = await print(['events', '--filter', '/tasks/**'], [head]);
    assert.ok(stdout === linesOn(/^\/tasks\//));
    assert.equal(exitCode, 0);
  });

  it('prints what any of several filters selects, globs and expressions', async () => {
    const filters = ['--filter', '/images/*', '-f', 'topic=="/tasks/oom"', '--filter=/namespaces/{create,delete}'];
    const { exitCode, stdout } = await print(['events', ...filters], [head]);
    assert.ok(stdout === linesOn(/^\/(images\/.*|tasks\/oom|namespaces\/(create|delete))$/));
    assert.equal(exitCode, 0);
  });

  it('prints what a condition on fields selects', async () => {
    const filter = 'topic=="/tasks/exit",event.exit_status!=0';
    const { exitCode, stdout } = await print(['events', '--filter', filter], [head]);
    const failed = headLines.filter((line) => / \/tasks\/exit .*"exit_status":/.test(line));
    assert.ok(failed.length > 1 && failed.length < 37);
    assert.ok(stdout === failed.join(''));
    assert.equal(exitCode, 0);
  });

  it('prints nothing when no event is selected', async () => {
    const { exitCode, stdout, stderr } = await print(['events', '--filter', '/nothing'], [head]);
    assert.deepEqual({ exitCode, stdout, stderr }, { exitCode: 0, stdout: '', stderr: '' });
  });

  for (const args of [['events'], ['events', '-']]) {
    it(`reads standard input for: ${args.join(' ')}`, async () => {
      const { exitCode, stdout } = await runCommand(args, [head]);
      assert.ok(stdout === headLines.join(''));
      assert.equal(exitCode, 0);
    });
  }

  it('reads standard input in chunks that end anywhere', async () => {
    const cut = stream.subarray(0, 5_000);
    const whole = await print(['events'], [cut]);
    const { exitCode, stdout, stderr } = await runCommand(['events'], chunksOf(cut, 7));
    assert.deepEqual({ exitCode, stdout, stderr }, whole);
    assert.ok(ctrText.startsWith(stdout) && stdout.length > 4_000);
  });

  it('prints an event while standard input is still open', async () => {
    const child = startCommand(['events']);
    child.stdin.write(delimited(envelopeOf('containerd.events.TaskExit', taskExit('c1'))));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    assert.match(
      line.toString(),
      /^1970-01-01 00:00:01\.000000005 \+0000 UTC default \/tasks\/exit \{"container_id":"c1"/,
    );
    child.stdin.end();
    const [exitCode] = await once(child, 'close');
    assert.equal(exitCode, 0);
  });

  it('prints JSON for machines, one object a line', async () => {
    const { exitCode, stdout } = await print(['events', '--json'], [head]);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(events.length, HEAD_EVENTS);
    assert.deepEqual(events[0], {
      timestamp: '2026-11-23T15:56:10.104030358Z',
      namespace: 'default',
      topic: '/namespaces/create',
      type: 'containerd.events.NamespaceCreate',
      event: { name: 'prod', labels: { env: 'prod' } },
    });
    const topics = headLines.map((line) => line.split(' ')[5]);
    assert.deepEqual(
      events.map(({ topic }) => topic),
      topics,
    );
    assert.equal(exitCode, 0);
  });

  it('warns about events that do not decode, skips them and goes on', async () => {
    const input = [
      envelopeOf('example.Unknown', Buffer.of(1)),
      envelopeOf('containerd.events.TaskExit', Buffer.of(0x0a, 200)),
      envelopeOf('containerd.events.TaskExit', taskExit('c2')),
    ].map(delimited);
    const { exitCode, stdout, stderr } = await print(['events'], input);
    assert.match(stdout, /^[^\n]*"container_id":"c2"[^\n]*\n$/);
    assert.match(stderr, /^ringcast: warning: .*unknown type "example\.Unknown"\nringcast: warning: .*TaskExit.*\n$/);
    assert.equal(exitCode, 0);
    const json = await print(['events', '--json'], input.slice(0, 1));
    assert.deepEqual(JSON.parse(json.stdout).event, { typeUrl: 'example.Unknown', value: 'AQ==' });
  });

  it('ends quietly when its output is closed early, though the input goes on', async () => {
    const child = startCommand(['events']);
    const stderr: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    const closed = once(child, 'close');
    let ended = false;
    void closed.then(() => {
      ended = true;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    while (!ended) {
      // Until the command ends by itself: standard input is never ended.
      if (!child.stdin.write(stream))
        await Promise.race([new Promise((resolve) => child.stdin.once('drain', resolve)), closed]);
    }
    assert.deepEqual(await closed, [0, null]);
    assert.equal(Buffer.concat(stderr).toString(), '');
  });
});

describe('ringcast events, given bad input', () => {
  const second = stream.indexOf('/namespaces/update');
  const cases: [name: string, args: string[], input: Buffer, printed: string, message: RegExp][] = [
    [
      'a stream that ends inside an envelope',
      [],
      stream.subarray(0, second),
      ctrLines[0]!,
      new RegExp(`^ringcast: standard input: envelope 2, at byte ${second} of the input: the stream ends inside`),
    ],
    [
      'bytes that are no envelope',
      [],
      Buffer.concat([stream.subarray(0, 1 + stream[0]!), Buffer.of(3, 0xff, 0xff, 0xff)]),
      ctrLines[0]!,
      /^ringcast: standard input: envelope 2: malformed envelope at byte \d/,
    ],
    [
      'a length that no envelope has',
      [],
      Buffer.from('ffffffffffff', 'hex'),
      '',
      /^ringcast: standard input: envelope 1, at byte 0 of the input: a length is more than/,
    ],
    [
      'a topic that is none',
      [],
      delimited(envelopeOf('containerd.events.TaskExit', taskExit('c1'), 'tasks')),
      '',
      /^ringcast: standard input: envelope 1: topic "tasks": /,
    ],
    ['zeros', [], Buffer.alloc(9), '', /^ringcast: standard input: envelope 1: .*timestamp/],
    ['a file without a name', [''], Buffer.alloc(0), '', /^ringcast: "": no such file\n$/],
    ['a missing file', ['no-such-file'], Buffer.alloc(0), '', /^ringcast: no-such-file: no such file\n$/],
    ['a folder', ['src'], Buffer.alloc(0), '', /^ringcast: src: is a folder, not a file\n$/],
  ];
  for (const [name, args, input, printed, message] of covering(cases, 3)) {
    it(`prints what came before ${name}, one line that says what is wrong, and exits with 1`, async () => {
      const { exitCode, stdout, stderr } = await print(['events', ...args], [input]);
      assert.equal(stdout, printed);
      assert.match(stderr, message);
      assert.equal(stderr.split('\n').length, 2);
      assert.equal(exitCode, 1);
    });
  }

  it('takes an empty input for no events', async () => {
    assert.deepEqual(await runCommand(['events']), { exitCode: 0, stdout: '', stderr: '' });
  });
});
