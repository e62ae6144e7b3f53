/** Names and processes as callers give them, checked before anything is made of them. */
import { checkStrings, checkText } from '../argument-check.js';
import { InvalidArgumentError } from '../service-errors.js';
import type { ProcessSpec } from './runtime.js';

const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,75}$/;

/** As containerd has them: 1 to 76 letters, digits, `_`, `.`, `-`, starting with a letter or digit. */
export function checkIdentifier(argument: string, value: unknown): void {
  if (typeof value !== 'string' || !IDENTIFIER.test(value)) {
    throw new InvalidArgumentError(
      argument,
      value,
      '1 to 76 letters, digits, "_", ".", "-", the first a letter or digit',
    );
  }
}

export function checkArgs(args: unknown): void {
  const isCommand = Array.isArray(args) && args.length > 0 && args.every((arg) => typeof arg === 'string');
  if (!isCommand || args.some((arg) => arg.includes('\0'))) {
    throw new InvalidArgumentError('args', args, 'a command and its arguments, strings without NUL');
  }
}

/** What a process is started with, beside its command. */
export function checkProcess({ environment, workingDirectory, user, stdio }: Partial<ProcessSpec>): void {
  checkStrings('environment', environment, 'a list of NAME=value, strings without NUL');
  const ABSOLUTE = 'an absolute path, without NUL';
  checkText('workingDirectory', workingDirectory, ABSOLUTE);
  if (workingDirectory?.startsWith('/') === false) {
    throw new InvalidArgumentError('workingDirectory', workingDirectory, ABSOLUTE);
  }
  checkText('user', user, 'a string');
  if (stdio === undefined) return;
  const isStream = (stream: unknown) => stream === 'ignore' || (Number.isInteger(stream) && (stream as number) >= 0);
  if (!Array.isArray(stdio) || stdio.length !== 3 || !stdio.every(isStream)) {
    throw new InvalidArgumentError('stdio', stdio, "three of 'ignore' or a file descriptor");
  }
}
