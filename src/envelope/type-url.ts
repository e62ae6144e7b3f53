/** The type URL of an event: a full name, or anything that ends in `/` and one. */
import { InvalidTypeUrlError } from '../errors.js';

/** Longest type URL, in bytes of UTF-8: what is kept per type is bounded by it. */
export const MAX_TYPE_URL_BYTES = 1024;

/** A character takes at most three bytes. */
const CERTAINLY_SHORT = Math.floor(MAX_TYPE_URL_BYTES / 3);

/** @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL` when it is empty, or longer than {@link MAX_TYPE_URL_BYTES} */
export function checkTypeUrl(typeUrl: string): void {
  if (typeUrl === '') throw new InvalidTypeUrlError(typeUrl, 'must not be empty');
  if (typeUrl.length <= CERTAINLY_SHORT) return;
  if (typeUrl.length > MAX_TYPE_URL_BYTES || Buffer.byteLength(typeUrl) > MAX_TYPE_URL_BYTES) {
    throw new InvalidTypeUrlError(typeUrl, `greater than maximum length (${MAX_TYPE_URL_BYTES} bytes)`);
  }
}
