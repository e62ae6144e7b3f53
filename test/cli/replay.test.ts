import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Envelope } from '../../src/events.js';
import { CommandLines } from '../support/command-lines.js';
import { CTR_LINES, FIXTURE, runCommand } from '../support/run-command.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const PASSES = 3;
const lines = readFileSync(CTR_LINES, 'utf8').trimEnd().split('\n');
const topics = lines.map((line) => line.split(' ')[5]!);

function countOf(pattern: RegExp): number {
  return topics.filter((topic) => pattern.test(topic)).length;
}

const commands = new CommandLines();
after(() => commands.close());

describe('ringcast replay', () => {
  it('sums up what the stream holds, as often as it was sent, and loses nothing', async (t) => {
    const auditFile = join(await temporaryDirectory(t), 'audit.jsonl');
    const args = ['replay', FIXTURE, '--passes', String(PASSES), '--audit', auditFile, '--json'];
    const { exitCode, stdout, stderr } = await runCommand(args);
    assert.equal(stderr, '');
    assert.equal(exitCode, 0);
    const summary = JSON.parse(stdout);
    assert.equal(summary.recorded, 2550);
    assert.equal(summary.passes, PASSES);
    assert.equal(summary.published, 2550 * PASSES);
    assert.equal(summary.lost, 0);
    const delivered = Object.fromEntries(
      summary.subscribers.map((subscriber: { name: string; delivered: number }) => [
        subscriber.name,
        subscriber.delivered,
      ]),
    );
    const audited = countOf(/^\/(containers|images|namespaces)\//) * PASSES;
    assert.deepEqual(delivered, {
      'container lives': countOf(/^\/(containers|tasks)\//) * PASSES,
      'event counts': 2550 * PASSES,
      'audit log': audited,
    });
    for (const { topic, events } of summary.counts.topics) {
      assert.equal(events, topics.filter((one) => one === topic).length * PASSES, topic);
    }
    assert.equal(summary.counts.topics.length, new Set(topics).size);
    assert.deepEqual(summary.counts.namespaces, [
      { namespace: 'default', events: 850 * PASSES },
      { namespace: 'k8s.io', events: 850 * PASSES },
      { namespace: 'prod', events: 850 * PASSES },
    ]);
    const { containers } = summary;
    assert.equal(containers.deleted, countOf(/^\/containers\/delete$/));
    assert.equal(containers.remaining, 0);
    assert.equal(containers.outOfMemory, countOf(/^\/tasks\/oom$/));
    assert.deepEqual(exitCodesOf(containers.exitCodes), recordedExitCodes());
    const lifetimes = containers.longestLived.map((life: { lifetimeMs: number }) => life.lifetimeMs);
    assert.deepEqual(
      lifetimes,
      lifetimes.toSorted((a: number, b: number) => b - a),
    );
    assert.equal(containers.longestLived[0].id, 'oom-k8s.io');
    const audit = readFileSync(auditFile, 'utf8').trimEnd().split('\n');
    assert.equal(audit.length, audited);
    assert.equal(summary.audit.lines, audited);
    assert.equal(JSON.parse(audit[0]!).topic, '/namespaces/create');
  });

  it('prints a summary for people', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['replay', FIXTURE, '--passes', '2']);
    assert.equal(stderr, '');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^Replayed .*envelopes\.binpb: 2,550 events, 2 times over/);
    assert.match(stdout, /published +5,100 +events\n +lost +0 +deliveries\n +rate +[\d,]+ +events\/s/);
    assert.match(stdout, /event counts +5,100 +0 +0 +\*\*\n/);
    assert.match(stdout, /\/tasks\/exit +636 +12\.5%\n/);
    assert.match(stdout, /Containers: 312 created and deleted, 0 still there, 3 out of memory\n/);
    assert.match(stdout, /Audit log: 1,290 lines\n$/);
  });

  it('counts an event that a handler could not decode, shows why, keeps it in the audit log, and exits with 1', async (t) => {
    const bytes = Buffer.alloc(256);
    const envelope = new Envelope({
      timestamp: { seconds: 1, nanos: 0 },
      namespace: 'default',
      topic: '/containers/create',
      event: { typeUrl: 'containerd.events.ContainerCreate', value: Buffer.of(0x0a, 200) },
    });
    const length = Envelope.encode(envelope, bytes, 0, bytes.length);
    const input = [Buffer.of(length), bytes.subarray(0, length)];
    const file = join(await temporaryDirectory(t), 'audit.jsonl');
    const { exitCode, stdout } = await commands.runWith({ input }, 'replay', '-n', '1', '-a', file);
    assert.equal(exitCode, 1);
    assert.match(stdout, /container lives +0 +1 +0 /);
    assert.match(stdout, /audit log +1 +0 +0 /);
    assert.match(stdout, /First failure: .*ContainerCreate/);
    assert.ok(stdout.includes(`Audit log: 1 lines in ${file}`));
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).event.value, 'Csg=');
  });

  it('says that the audit log cannot be written before it sends anything', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['replay', FIXTURE, '--audit', 'no/such/folder/audit.jsonl']);
    assert.match(stderr, /^ringcast: no\/such\/folder\/audit\.jsonl: no such file[^\n]*\n$/);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: '' });
  });

  it('ends with one line and exit code 1 on damaged input', async () => {
    const input = [readFileSync(FIXTURE).subarray(0, 1000)];
    const { exitCode, stdout, stderr } = await commands.runWith({ input }, 'replay');
    assert.match(stderr, /^ringcast: standard input: envelope \d+, at byte 1000 of the input: [^\n]*\n$/);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: '' });
  });
});

/** Exit codes of the containers' first processes, whose id in /tasks/exit is the container's; 0 is omitted from the JSON. */
function recordedExitCodes(): Map<number, number> {
  const last = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    if (topics[index] !== '/tasks/exit') continue;
    const event = JSON.parse(line.slice(line.indexOf('{')));
    if (event.id === event.container_id) last.set(`${line.split(' ')[4]}/${event.id}`, event.exit_status ?? 0);
  }
  const counts = new Map<number, number>();
  for (const exitCode of last.values()) counts.set(exitCode, (counts.get(exitCode) ?? 0) + 1);
  return counts;
}

function exitCodesOf(entries: readonly { exitCode: number; containers: number }[]): Map<number, number> {
  return new Map(entries.map(({ exitCode, containers }) => [exitCode, containers]));
}
