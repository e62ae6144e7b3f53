/** The failures that end the command with one line on standard error. */

/** The command was called in a way that cannot work; exit code 2. */
export class UsageError extends Error {
  readonly code = 'CLI_USAGE';
  override readonly name = 'UsageError';

  constructor(
    message: string,
    /** What to do instead, as a sentence. */
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The input is not there, cannot be read, or holds what is no envelope; exit code 1. */
export class InputError extends Error {
  readonly code = 'CLI_INPUT';
  override readonly name = 'InputError';

  constructor(
    /** A path, or `standard input`. */
    readonly input: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`${input === '' ? '""' : input}: ${reason}`, options);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a folder, not a file',
};

/** Why a file cannot be opened or read, to stand behind its name: the system's own messages mostly repeat that. */
export function fileReason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}

/** Whether the operating system refused something: a missing folder, a full disk. Its message says what. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
