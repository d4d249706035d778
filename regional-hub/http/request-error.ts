/** Statuses that the hub answers a refused request with. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 503;

/**
 * A request that is refused, with what its sender is told: `{code, message}` and nothing else, save `path` where a field
 * of the body is at fault. Thrown by handlers, answered by `errors.ts`.
 */
export class RequestError extends Error {
  readonly status: RefusalStatus;
  readonly code: string;
  /** Where in the body the fault lies, such as `ads.0.landingUrl`. */
  readonly path: string | undefined;

  constructor(status: RefusalStatus, code: string, message: string, options?: { path?: string; cause?: unknown }) {
    super(message, { cause: options?.cause });
    this.name = 'RequestError';
    this.status = status;
    this.code = code;
    this.path = options?.path;
  }
}

/** 400 with the code that says a parameter or body makes no sense. */
export function badRequest(message: string, code = 'bad_request'): RequestError {
  return new RequestError(400, code, message);
}

/** 404 for a thing that does not exist, or that the caller may not know of. */
export function notFound(message: string): RequestError {
  return new RequestError(404, 'not_found', message);
}
