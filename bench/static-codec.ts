/**
 * protobufjs the usual way: a static module made by its own generator from this repository's .proto files.
 *
 * Made anew at start-up, into the build folder (half a second), rather than committed: a quarter of a megabyte of code that
 * is not ours, and always what the installed protobufjs makes of the current files.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pbjs from 'protobufjs-cli/pbjs.js';
import { NAMESPACE, type PlainTaskExit, TOPIC } from './corpus.js';

const protoDir = fileURLToPath(new URL('../../proto', import.meta.url));

interface Message<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

interface EnvelopeMessage {
  readonly timestamp: { readonly seconds: number; readonly nanos: number };
  readonly namespace: string;
  readonly topic: string;
  readonly event: { readonly type_url: string; readonly value: Uint8Array };
}

export interface StaticCodec {
  readonly TaskExit: Message<PlainTaskExit>;
  readonly Envelope: Message<EnvelopeMessage>;
}

let loading: Promise<StaticCodec> | undefined;

export function loadStaticCodec(): Promise<StaticCodec> {
  loading ??= generate();
  return loading;
}

async function generate(): Promise<StaticCodec> {
  const code = await new Promise<string>((resolve, reject) => {
    const files = ['containerd/events/task.proto', 'containerd/types/envelope.proto'];
    pbjs.main(['-t', 'static-module', '-w', 'es6', '-p', protoDir, ...files], (error, output) => {
      if (error === null && output !== undefined) resolve(output);
      else reject(error ?? new Error('pbjs made nothing'));
      return {};
    });
  });
  // One file for each process: two runs at a time do not write over each other.
  const url = new URL(`./static-codec-${process.pid}.generated.js`, import.meta.url);
  writeFileSync(url, code);
  try {
    const { containerd } = (await import(url.href)) as {
      containerd: { events: Pick<StaticCodec, 'TaskExit'>; types: Pick<StaticCodec, 'Envelope'> };
    };
    return { TaskExit: containerd.events.TaskExit, Envelope: containerd.types.Envelope };
  } finally {
    rmSync(url);
  }
}

/** An event and its envelope, `encode().finish()` twice. The time is given: reading the clock is not encoding. */
export function encodeEnvelope(
  codec: StaticCodec,
  event: PlainTaskExit,
  timestamp: EnvelopeMessage['timestamp'],
): Uint8Array {
  const value = codec.TaskExit.encode(event).finish();
  const envelope = {
    timestamp,
    namespace: NAMESPACE,
    topic: TOPIC,
    event: { type_url: 'containerd.events.TaskExit', value },
  };
  return codec.Envelope.encode(envelope).finish();
}
