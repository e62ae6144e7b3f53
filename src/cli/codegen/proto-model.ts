/** .proto files as the emitters see them: every reference resolved, every name chosen. */

import type { FieldDescriptor } from '../../envelope/event-codec.js';

export type FieldKind = FieldDescriptor['kind'];

/** A field; `type` is the full name of its message type or enum. */
export interface FieldModel extends Omit<FieldDescriptor, 'type' | 'values' | 'property'> {
  readonly property: string;
  readonly type?: string;
  readonly packed: boolean;
  /** A message between two tags, as groups are, instead of behind its length. */
  readonly delimited: boolean;
  readonly required: boolean;
  /** Values that the enum does not name are unknown fields. */
  readonly closed: boolean;
  /** A string that need not be UTF-8. */
  readonly unchecked: boolean;
  /** Whether its messages hold required fields. */
  readonly checked: boolean;
  readonly comment: string | undefined;
}

export interface MessageModel {
  readonly fullName: string;
  readonly className: string;
  readonly fields: readonly FieldModel[];
  /** Whether it has required fields, or messages that have. */
  readonly checked: boolean;
  readonly comment: string | undefined;
}

export interface EnumModel {
  readonly fullName: string;
  readonly className: string;
  readonly values: readonly { readonly name: string; readonly number: number }[];
  readonly comment: string | undefined;
}

/** One .proto file. */
export interface ProtoModel {
  /** The path other files import it by, with forward slashes. */
  readonly path: string;
  /** Where it was found. */
  readonly file: string;
  /** Whether the caller named it. */
  readonly given: boolean;
  readonly messages: readonly MessageModel[];
  readonly enums: readonly EnumModel[];
  /** Services are not generated. */
  readonly services: readonly string[];
}
