/** Operating failures. Bad traffic is not among them: that is a disposition or a rejection. */
export const ERROR_CODES = [
  'bad_configuration',
  'corrupt_bytes',
  'frame_conflict',
  'frame_gap',
  'stale_epoch',
  'lease_lost',
  'overloaded',
  'storage_failed',
  'unavailable',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** An operating failure with a stable code. Always pass the cause. */
export class TrackingError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TrackingError';
    this.code = code;
  }
}

/** Whether the same call may succeed later without anybody's help. */
export function isRetryable(code: ErrorCode): boolean {
  switch (code) {
    case 'overloaded':
    case 'unavailable':
    case 'storage_failed':
      return true;
    case 'bad_configuration':
    case 'corrupt_bytes':
    case 'frame_conflict':
    case 'frame_gap':
    case 'stale_epoch':
    case 'lease_lost':
      return false;
    default:
      return unreachable(code);
  }
}

/** How a process ends that cannot read its settings: to start it again would end the same way. What does not suit its data may be mended meanwhile, and is tried again. */
export const BAD_CONFIGURATION_EXIT = 2;

/** A belief that stays on in production; a broken one is a bug, and nothing is committed. */
export function assert(condition: unknown, belief: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${belief}`);
}

/** Closes a switch over a closed set. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}
