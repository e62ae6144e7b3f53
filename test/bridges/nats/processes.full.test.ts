/** Processes that are mirrored on one stream, while servers and processes are killed. Prints throughput and CPU per event. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { on, once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FromProcess, ToProcess } from '../../support/mirrored-process.js';
import { NatsServer, noNatsServer } from '../../support/nats-server.js';

const MODULE = fileURLToPath(new URL('../../support/mirrored-process.js', import.meta.url));
const COUNT = 100_000;

class Mirrored {
  readonly child: ChildProcess;

  constructor(
    readonly topic: string,
    server: NatsServer,
    durable?: string,
  ) {
    this.child = fork(MODULE, [`${server.port}`, topic, ...(durable === undefined ? [] : [durable])]);
  }

  static async start(t: TestContext, server: NatsServer, topic: string, durable?: string): Promise<Mirrored> {
    const mirrored = new Mirrored(topic, server, durable);
    t.after(() => mirrored.child.kill('SIGKILL'));
    await mirrored.#hear('ready');
    return mirrored;
  }

  publish(): Promise<FromProcess> {
    return this.#ask({ publish: COUNT }, 'published');
  }

  report(): Promise<FromProcess> {
    return this.#ask({ report: true }, 'arrived');
  }

  /** Resolves when the last event of a topic has come in. */
  async has(topic: string): Promise<void> {
    while ((await this.report()).arrived![topic]?.last !== COUNT - 1) await sleep(100);
  }

  #ask(message: ToProcess, key: keyof FromProcess): Promise<FromProcess> {
    const heard = this.#hear(key);
    this.child.send(message);
    return heard;
  }

  async #hear(key: keyof FromProcess): Promise<FromProcess> {
    for await (const [message] of on(this.child, 'message') as AsyncIterable<[FromProcess]>)
      if (message[key] !== undefined) return message;
    throw new Error('the process ended');
  }
}

describe('processes that are mirrored on one stream', { skip: noNatsServer(), timeout: 900_000 }, () => {
  for (const topics of [
    ['/from/a', '/from/b'],
    ['/from/a', '/from/b', '/from/c'],
  ]) {
    test(`${topics.length} of them get each other's ${COUNT} events, each once and in order`, async (t) => {
      const server = await NatsServer.start(t);
      const all = await Promise.all(topics.map((topic) => Mirrored.start(t, server, topic)));
      const began = performance.now();
      await Promise.all(all.map((one) => one.publish()));
      for (const one of all) for (const topic of topics) if (topic !== one.topic) await one.has(topic);
      const seconds = (performance.now() - began) / 1_000;
      let cpuMs = 0;
      for (const one of all) {
        const report = await one.report();
        cpuMs += report.cpuMs!;
        const others = topics.filter((topic) => topic !== one.topic);
        const whole = { first: 0, last: COUNT - 1, count: COUNT, outOfOrder: 0 };
        assert.deepEqual(report.arrived, Object.fromEntries(others.map((topic) => [topic, whole])));
        assert.deepEqual([report.acked, report.gaps], [COUNT, 0]);
      }
      const events = topics.length * COUNT;
      t.diagnostic(`${Math.round(events / seconds)} events/s stored, each delivered to ${topics.length - 1} others`);
      t.diagnostic(`${((cpuMs * 1_000) / events).toFixed(1)} µs CPU an event, in all processes but the server`);
    });
  }

  test('lose nothing that was acked when the server is killed, and a killed process goes on where it stopped', async (t) => {
    const server = await NatsServer.start(t);
    const a = await Mirrored.start(t, server, '/from/a');
    const b = await Mirrored.start(t, server, '/from/b', 'b');
    const publishing = Promise.all([a.publish(), b.publish().catch(() => undefined)]);
    let before = await b.report();
    while ((before.arrived!['/from/a']?.count ?? 0) < COUNT / 5) before = await b.report();
    await server.kill();
    await server.start();
    while ((before.arrived!['/from/a']?.count ?? 0) < COUNT / 2) before = await b.report();
    b.child.kill('SIGKILL');
    await once(b.child, 'exit');
    const again = await Mirrored.start(t, server, '/from/b2', 'b');
    await again.publish();
    await a.has('/from/b2');
    await again.has('/from/a');
    void publishing;
    const [ofA, ofB] = [await a.report(), await again.report()];
    assert.deepEqual(ofA.arrived!['/from/b2'], { first: 0, last: COUNT - 1, count: COUNT, outOfOrder: 0 });
    // What the killed process had stored has arrived; in order, and each once.
    const killed = ofA.arrived!['/from/b']!;
    assert.deepEqual([killed.first, killed.outOfOrder], [0, 0]);
    assert.ok(killed.count >= before.acked!, `${killed.count} of ${before.acked} acked events`);
    const resumed = ofB.arrived!['/from/a']!;
    // It went on behind what the killed bus had accepted, and had everything from there.
    assert.ok(resumed.first > COUNT / 5, `it began with ${resumed.first}`);
    assert.deepEqual(resumed, { first: resumed.first, last: COUNT - 1, count: COUNT - resumed.first, outOfOrder: 0 });
    assert.equal(ofA.gaps, 0);
  });
});
