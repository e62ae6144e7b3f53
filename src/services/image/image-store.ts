/**
 * Names of images and what they mean: one file a name, replaced atomically, so that a crash leaves the old or the new.
 * One process owns the folder; the names are kept in memory.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ImageCreate, ImageDelete, ImageUpdate } from '../../events.js';
import { tryEmit } from '../../index.js';
import {
  absoluteDirectory,
  createDirectory,
  isTemporary,
  removeFileDurable,
  removeStaleTemporaries,
  writeFileDurable,
} from '../durable-file.js';
import { KeyedLock } from '../keyed-lock.js';
import { CorruptStateError, InvalidArgumentError, NotFoundError } from '../service-errors.js';
import { type Descriptor, parseDescriptor } from './oci-documents.js';

const IMAGE_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,511}$/;

export interface Image {
  /** Such as `docker.io/library/busybox:latest`. */
  readonly name: string;
  /** The manifest or index that the name stands for. */
  readonly target: Descriptor;
  readonly labels: Readonly<Record<string, string>>;
}

export class ImageStore {
  readonly #directory: string;
  readonly #images = new Map<string, Image>();
  readonly #lock = new KeyedLock();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Opens the names in a folder.
   *
   * @throws {CorruptStateError} `SERVICE_CORRUPT_STATE` for a file that does not read back
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for an empty path
   */
  static async open(directory: string): Promise<ImageStore> {
    const root = await createDirectory(absoluteDirectory(directory));
    const store = new ImageStore(root);
    await removeStaleTemporaries(root);
    for (const name of await readdir(root)) {
      if (isTemporary(name)) continue;
      const image = parseImage(join(root, name), await readFile(join(root, name), 'utf8'));
      store.#images.set(image.name, image);
    }
    return store;
  }

  /**
   * Gives an image a name, or a name a new image. Emits `/service/image/register` for a new name,
   * `/service/image/update` for a change, nothing where all is as it was.
   *
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed name or label
   * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT` for a malformed target
   */
  async register(name: string, target: Descriptor, labels: Readonly<Record<string, string>> = {}): Promise<Image> {
    checkImageName(name);
    const copy = labelsOf(labels);
    const { mediaType, digest, size } = parseDescriptor(target, 'target');
    const image: Image = { name, target: { mediaType, digest, size }, labels: copy };
    return this.#lock.run(name, async () => {
      const old = this.#images.get(name);
      if (old && isDeepStrictEqual(old, image)) return old;
      await writeFileDurable(this.#pathOf(name), JSON.stringify(image));
      this.#images.set(name, image);
      if (old) tryEmit('/service/image/update', new ImageUpdate({ name, labels: image.labels }));
      else tryEmit('/service/image/register', new ImageCreate({ name, labels: image.labels }));
      return image;
    });
  }

  /**
   * The image of this name.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   */
  get(name: string): Image {
    const image = this.#images.get(name);
    if (!image) throw new NotFoundError('image', name);
    return image;
  }

  /** All images, ordered by name. */
  list(): Image[] {
    return [...this.#images.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Removes a name, not the content. Emits `/service/image/remove`.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   */
  remove(name: string): Promise<void> {
    return this.#lock.run(name, async () => {
      this.get(name);
      await removeFileDurable(this.#pathOf(name));
      this.#images.delete(name);
      tryEmit('/service/image/remove', new ImageDelete({ name }));
    });
  }

  #pathOf(name: string): string {
    return join(this.#directory, `${createHash('sha256').update(name).digest('hex')}.json`);
  }
}

/** @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` */
export function checkImageName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !IMAGE_NAME.test(name)) {
    throw new InvalidArgumentError('image name', name, 'a reference such as "docker.io/library/busybox:latest"');
  }
}

/**
 * A copy of labels: each is read once.
 *
 * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT`
 */
export function labelsOf(labels: unknown): Record<string, string> {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) {
    throw new InvalidArgumentError('labels', labels, 'an object of strings');
  }
  const copy: Record<string, unknown> = { ...labels };
  for (const [key, value] of Object.entries(copy)) {
    if (typeof value !== 'string') throw new InvalidArgumentError(`label ${key}`, value, 'a string');
  }
  return copy as Record<string, string>;
}

function parseImage(path: string, text: string): Image {
  try {
    const { name, target, labels } = JSON.parse(text);
    checkImageName(name);
    return { name, target: parseDescriptor(target, path), labels: labelsOf(labels) };
  } catch (error) {
    throw new CorruptStateError(path, `is no image record: ${(error as Error).message}`, { cause: error });
  }
}
