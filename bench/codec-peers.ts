/** protobufjs and @bufbuild/protobuf for the types of this package, each as its users have it. */
import { fileURLToPath } from 'node:url';
import { create, createFileRegistry, type DescMessage, type FileRegistry } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import protobufjs from 'protobufjs';
import type { EventCodec, FieldDescriptor } from 'ringcast/codec';

const protoDir = fileURLToPath(new URL('../../proto/', import.meta.url));

/** protobufjs by reflection: it compiles the same functions as its static modules have. */
export async function protobufjsType(file: string, typeUrl: string): Promise<protobufjs.Type> {
  const root = new protobufjs.Root();
  root.resolvePath = (_origin, target) => protoDir + target;
  return (await root.load(file)).lookupType(typeUrl);
}

const [OPTIONAL, REPEATED] = [1, 3] as const satisfies readonly Label[];

/** The schema that @bufbuild/protobuf's own generator makes of the type, from what our class says of its fields. */
export function bufbuildSchema(codec: EventCodec): DescMessage {
  const messages = new Set<EventCodec>();
  // What a file imports comes before it.
  const collect = (one: EventCodec): void => {
    for (const field of one.fields ?? []) if (field.type !== undefined) collect(field.type());
    messages.add(one);
  };
  collect(codec);
  const files = [...messages].map(fileOf);
  const registry: FileRegistry = createFileRegistry(create(FileDescriptorSetSchema, { file: files }));
  return registry.getMessage(codec.typeUrl)!;
}

function fileOf({ typeUrl, fields = [] }: EventCodec) {
  const dot = typeUrl.lastIndexOf('.');
  const maps = fields.filter(({ cardinality }) => cardinality === 'map');
  const dependency = [
    ...new Set(fields.flatMap((field) => (field.type === undefined ? [] : [`${field.type().typeUrl}.proto`]))),
  ];
  return create(FileDescriptorProtoSchema, {
    name: `${typeUrl}.proto`,
    package: typeUrl.slice(0, dot),
    syntax: 'proto3',
    dependency,
    messageType: [
      {
        name: typeUrl.slice(dot + 1),
        field: fields.map((field) => ({
          name: field.name,
          number: field.number,
          jsonName: field.jsonName,
          label: field.cardinality === 'singular' ? OPTIONAL : REPEATED,
          ...(field.cardinality === 'map'
            ? { type: Type.MESSAGE, typeName: `.${typeUrl}.${entryName(field)}` }
            : typeOf(field.kind, field)),
        })),
        nestedType: maps.map((field) => ({
          name: entryName(field),
          options: { mapEntry: true },
          field: [
            { name: 'key', number: 1, label: OPTIONAL, ...typeOf(field.keyKind!, field) },
            { name: 'value', number: 2, label: OPTIONAL, ...typeOf(field.kind, field) },
          ],
        })),
      },
    ],
  });
}

function entryName({ jsonName }: FieldDescriptor): string {
  return `${jsonName.charAt(0).toUpperCase()}${jsonName.slice(1)}Entry`;
}

function typeOf(kind: FieldDescriptor['kind'], field: FieldDescriptor) {
  if (kind === 'message') return { type: Type.MESSAGE, typeName: `.${field.type!().typeUrl}` };
  return { type: Type[kind.toUpperCase() as keyof typeof Type] };
}
