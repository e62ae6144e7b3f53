/**
 * The program that Google's conformance runner talks to: reads a message in one format and writes it in another, by the
 * classes in the module folder that is its argument. Of the formats it knows the binary one, and JSON for output.
 */
import { readSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { strictEventJson } from '../../src/envelope/event-json.js';
import { TypeRegistry } from '../../src/envelope/type-registry.js';
import { InvalidEventError, MalformedPayloadError } from '../../src/errors.js';

interface Request {
  readonly protobufPayload: Uint8Array | undefined;
  readonly requestedOutputFormat: number;
  readonly messageType: string;
}

const [PROTOBUF, JSON_FORMAT] = [1, 2];
const STDIN = 0;
const STDOUT = 1;

const folder = pathToFileURL(`${process.argv[2]}/`);
const types = new TypeRegistry();
const conformance = (await import(new URL('conformance/conformance.js', folder).href)) as Record<string, EventCodec>;
for (const file of process.argv.slice(3)) {
  const exports = (await import(new URL(file, folder).href)) as Record<string, unknown>;
  for (const one of Object.values(exports)) if (typeof one === 'function') types.register(one as never);
}

function encode(codec: EventCodec, event: unknown): Buffer {
  const target = Buffer.alloc(1 << 22);
  const end = codec.encode(event, target, 0, target.length);
  if (end < 0) throw new Error(`more than ${target.length} bytes`);
  return target.subarray(0, end);
}

function answer({ protobufPayload, requestedOutputFormat, messageType }: Request): object {
  if (protobufPayload === undefined) return { skipped: 'only binary input' };
  if (requestedOutputFormat !== PROTOBUF && requestedOutputFormat !== JSON_FORMAT) return { skipped: 'no such output' };
  const codec = types.find(messageType);
  if (codec === undefined) return { skipped: `no ${messageType}` };
  let message: unknown;
  try {
    const source = Buffer.from(protobufPayload);
    message = codec.decode(source, 0, source.length);
  } catch (error) {
    if (!(error instanceof MalformedPayloadError)) return { runtimeError: String(error) };
    return { parseError: error.message };
  }
  try {
    if (requestedOutputFormat === PROTOBUF) return { protobufPayload: encode(codec, message) };
    return { jsonPayload: JSON.stringify(strictEventJson(codec, message, types)) };
  } catch (error) {
    if (!(error instanceof InvalidEventError)) return { runtimeError: String(error) };
    return { serializeError: error.message };
  }
}

function read(size: number): Buffer | undefined {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const got = readSync(STDIN, bytes, at, size - at, null);
    if (got === 0) return undefined;
    at += got;
  }
  return bytes;
}

for (let size = read(4); size !== undefined; size = read(4)) {
  const request = read(size.readUInt32LE())!;
  const response = encode(
    conformance.ConformanceResponse!,
    answer(conformance.ConformanceRequest!.decode(request, 0, request.length) as Request),
  );
  const head = Buffer.alloc(4);
  head.writeUInt32LE(response.length);
  writeSync(STDOUT, Buffer.concat([head, response]));
}
