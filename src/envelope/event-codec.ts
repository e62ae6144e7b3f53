/**
 * What the bus knows of an event type: how its events become bytes and back, and what its fields are called.
 *
 * Generated classes implement EventCodec with their static members; adapters wrap classes of other generators.
 */

export type ScalarKind =
  | 'bool'
  | 'bytes'
  | 'double'
  | 'fixed32'
  | 'fixed64'
  | 'float'
  | 'int32'
  | 'int64'
  | 'sfixed32'
  | 'sfixed64'
  | 'sint32'
  | 'sint64'
  | 'string'
  | 'uint32'
  | 'uint64';

/** One field of a message type. */
export interface FieldDescriptor {
  readonly number: number;
  /** The name in the .proto file, `exit_status`. */
  readonly name: string;
  /** The name in JSON, `exitStatus`, and of the property unless {@link property} says another. */
  readonly jsonName: string;
  /** The name of the property where it is not that in JSON: the file has a `json_name`, or every object has the name. */
  readonly property?: string;
  /** Of the value; of the entries' values where the field is a map. */
  readonly kind: ScalarKind | 'enum' | 'message';
  readonly cardinality: 'singular' | 'repeated' | 'map';
  /** True where an absent field differs from one with the default value. */
  readonly presence: boolean;
  /** Of a map's keys. */
  readonly keyKind?: ScalarKind;
  /** The message type, where `kind` is `message`. A function, because types may refer to each other. */
  readonly type?: () => EventCodec;
  /** The names of the enum's values, where `kind` is `enum`; later versions may send others. */
  readonly values?: () => Readonly<Record<string, number>>;
  /** Where it is a member of a oneof: the name that all of its members have here. */
  readonly oneof?: string;
  /** True for a message that is written between two tags, as proto2's groups are, instead of behind its length. */
  readonly delimited?: boolean;
  /** True for strings that need not be valid UTF-8, as proto2's; what is not reads as U+FFFD. */
  readonly unchecked?: boolean;
  /** What the field counts as where it is not set, if that is not the default of its kind. */
  readonly default?: bigint | boolean | number | string | Uint8Array;
}

/** The name of the property of an event that holds a field. */
export function propertyOf(field: FieldDescriptor): string {
  return field.property ?? field.jsonName;
}

/** How events of one type become bytes and back. Stateless: may be used again while a call of it runs. */
export interface EventCodec<T = unknown> {
  /** The full name of the type, such as `containerd.events.TaskExit`. */
  readonly typeUrl: string;
  /** In the order of their numbers; undefined where a type has no schema here. */
  readonly fields?: readonly FieldDescriptor[] | undefined;

  /**
   * Writes `event` into `target[position, limit)`: the canonical bytes, the same as protobufjs 8 writes.
   *
   * Runs the event's getters, once for each field. Bytes in [position, limit) are undefined after -1 or a throw; nothing
   * at or beyond `limit` is touched.
   *
   * @param event  an instance of the class or any object with its fields; a missing one has its default
   * @returns the position after the event, or -1 when it does not fit
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when a field has a wrong type or range; names the field. What a getter
   * throws passes through
   */
  encode(event: T, target: Buffer, position: number, limit: number): number;

  /**
   * Reads the event in `source[start, end)`. `bytes` fields of the result are views of `source`, which the caller never
   * reuses. Fields that this version does not know are kept and written again by `encode`.
   *
   * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` where protobufjs 8 throws too
   */
  decode(source: Buffer, start: number, end: number): T;
}
