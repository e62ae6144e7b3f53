/** Tools that instrument a process from a preload, as their pages say, in front of a bus and its threads. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inAnyOrder, type Printed, UserProject } from '../support/user-project.js';

const project = new UserProject();
/** Takes spans by the API as it was before 1.10, which does not take tracers of those before it: a project of its own. */
const bridging = new UserProject();
after(() => {
  project.remove();
  bridging.remove();
});

const AUDIT = '(envelope, { name }) => console.log(name, envelope.topic, envelope.event.id)';
/** The README's first example, in JavaScript. */
const example = (audit: string): string => `
  const bus = createBus();
  bus.subscribe('/service/**', ${audit}, { name: 'audit' });
  bus.subscribe('/service/container/exit', ({ event }) => console.log('exit', event.status));
  bus.publish('/service/container/create', { id: 'c1' });
  bus.publish('/service/container/exit', { id: 'c1', status: 137 });
  bus.close({ drainTimeoutMs: Infinity });`;
const PRINTS = inAnyOrder({
  stdout: 'exit 137\naudit /service/container/create c1\naudit /service/container/exit c1\n',
  stderr: '',
});

const FILES = {
  'main.mjs': `import { createBus } from 'ringcast';${example("new URL('./audit.mjs', import.meta.url)")}`,
  'audit.mjs': `export default ${AUDIT};`,
  'main.cjs': `
    const { pathToFileURL } = require('node:url');
    const { createBus } = require('ringcast');${example("pathToFileURL(require.resolve('./audit.cjs'))")}`,
  'audit.cjs': `module.exports = ${AUDIT};`,
  'thread.mjs': 'export {};',
  'bare.mjs': `
    import { Worker } from 'node:worker_threads';
    new Worker(new URL('./thread.mjs', import.meta.url)).on('exit', () => console.log('exited'));`,
  'sentry.mjs': `
    import * as Sentry from '@sentry/node';
    Sentry.init({ dsn: 'http://key@127.0.0.1:9/1', tracesSampleRate: 1 });`,
  'traced.mjs': `
    import { trace } from '@opentelemetry/api';
    import { createBus } from 'ringcast';
    import { instrument } from 'ringcast/opentelemetry';
    const bus = createBus();
    const stop = instrument(bus, { spans: 'sampled' });
    let traceId;
    const current = () => trace.getActiveSpan()?.spanContext().traceId;
    bus.subscribe('/a', ({ traceparent }) => console.log('traced', traceparent.includes(traceId), current() === traceId));
    trace.getTracer('test').startActiveSpan('request', (span) => {
      traceId = current();
      bus.publish('/a', 1);
      span.end();
    });
    await bus.close({ drainTimeoutMs: Infinity });
    stop();`,
};

/** Nobody listens where they send to. */
const ENVIRONMENT = [
  'DD_TRACE_AGENT_URL=http://127.0.0.1:9',
  'DD_INSTRUMENTATION_TELEMETRY_ENABLED=false',
  'DD_TRACE_STARTUP_LOGS=false',
  'NEW_RELIC_APP_NAME=user',
  `NEW_RELIC_LICENSE_KEY=${'0'.repeat(40)}`,
  'NEW_RELIC_NO_CONFIG_FILE=true',
  'NEW_RELIC_LOG_ENABLED=false',
  'NEW_RELIC_HOST=127.0.0.1',
  'NEW_RELIC_PORT=9',
  'ELASTIC_APM_SERVER_URL=http://127.0.0.1:9',
  'ELASTIC_APM_LOG_LEVEL=off',
  'ELASTIC_APM_OPENTELEMETRY_BRIDGE_ENABLED=true',
  'OTEL_TRACES_EXPORTER=none',
  'OTEL_METRICS_EXPORTER=none',
  'OTEL_LOGS_EXPORTER=none',
  'OTEL_NODE_RESOURCE_DETECTORS=none',
];
const OPENTELEMETRY = '@opentelemetry/auto-instrumentations-node/register';
const ELASTIC = ['--require', 'elastic-apm-node/start.js'];

/** The flags of Node that the pages of each tool give, for CommonJS and for ES modules. */
const PRELOADS: Readonly<Record<string, readonly string[]>> = {
  'dd-trace': ['--require', 'dd-trace/init'],
  'dd-trace for ES modules': ['--import', 'dd-trace/initialize.mjs'],
  'New Relic': ['--require', 'newrelic'],
  'New Relic for ES modules': ['--import', 'newrelic/esm-loader.mjs', '--require', 'newrelic'],
  'Elastic APM': ELASTIC,
  'Elastic APM for ES modules': [...ELASTIC, '--experimental-loader=elastic-apm-node/loader.mjs'],
  OpenTelemetry: ['--require', OPENTELEMETRY],
  'OpenTelemetry for ES modules': [
    '--experimental-loader=@opentelemetry/instrumentation/hook.mjs',
    '--import',
    OPENTELEMETRY,
  ],
  Sentry: ['--import', './sentry.mjs'],
};

function run(flags: readonly string[], main: string, ...more: readonly string[]): Promise<Printed> {
  return runIn(project, flags, main, ...more);
}

function runIn(
  where: UserProject,
  flags: readonly string[],
  main: string,
  ...more: readonly string[]
): Promise<Printed> {
  return where.run('env', ...ENVIRONMENT, ...more, process.execPath, ...flags, main);
}

/** What is told, without who tells it. */
function told({ stderr }: Printed): Set<string> {
  return new Set(stderr.split('\n').map((line) => line.replace(/^\(node:\d+\)/, '')));
}

describe('with a tool that instruments from a preload, ringcast runs', { timeout: 1_800_000 }, () => {
  before(async () => {
    await project.install(
      'dd-trace@5',
      'newrelic@13',
      'elastic-apm-node@4',
      '@opentelemetry/api@1',
      '@opentelemetry/auto-instrumentations-node',
      '@sentry/node@11',
    );
    project.write(FILES);
  });

  for (const [name, flags] of Object.entries(PRELOADS)) {
    test(`as promised, and nothing is told that a bare thread is not told: ${name}`, async () => {
      const bare = await run(flags, 'bare.mjs');
      assert.equal(bare.stdout, 'exited\n');
      const options = `NODE_OPTIONS=${flags.join(' ')}`;
      for (const [main, ...way] of [
        ['main.mjs', flags],
        ['main.cjs', flags],
        ['main.mjs', [], options],
      ] as const) {
        const [given, more = []] = way;
        const printed = await run(given, main, ...[more].flat());
        assert.equal(inAnyOrder(printed).stdout, PRINTS.stdout, main);
        const own = [...told(printed)].filter((line) => !told(bare).has(line));
        assert.deepEqual(own, [], main);
      }
    });
  }

  test('and its spans are those of OpenTelemetry, and of a tool that takes them', async () => {
    await bridging.install('elastic-apm-node@4', '@opentelemetry/api@~1.9');
    bridging.write(FILES);
    const bridged = await runIn(bridging, ELASTIC, 'traced.mjs');
    assert.equal(bridged.stdout, 'traced true true\n');
    const registered = await run(['--import', OPENTELEMETRY], 'traced.mjs', 'OTEL_TRACES_EXPORTER=console');
    assert.match(registered.stdout, /^traced true true$/m);
    for (const span of ['publish /a', 'process subscription-1', 'request']) {
      assert.ok(registered.stdout.includes(`name: '${span}'`), span);
    }
  });
});
