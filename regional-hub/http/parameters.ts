import { badRequest } from './request-error.ts';

/** For routes that take no query parameters: throws `RequestError` 400 for any. */
export function refuseParameters(search: URLSearchParams): void {
  const name = search.keys().next().value;
  if (name !== undefined) throw badRequest(`unknown parameter ${JSON.stringify(name.slice(0, 64))}; this route knows none`, 'unknown_parameter');
}

/** A request's query parameters, every one of them known: a typo never reads as zero. */
export class Parameters {
  readonly #values: URLSearchParams;

  /** Throws `RequestError` 400 for a name not in `known`, or for a repeated one not in `repeatable`. */
  constructor(values: URLSearchParams, known: readonly string[], repeatable: readonly string[] = []) {
    for (const name of new Set(values.keys())) {
      if (!known.includes(name)) throw badRequest(`unknown parameter ${JSON.stringify(name.slice(0, 64))}; known are ${known.join(', ')}`, 'unknown_parameter');
      if (!repeatable.includes(name) && values.getAll(name).length > 1) throw badRequest(`parameter ${name} is given twice`);
    }
    this.#values = values;
  }

  /** The text of a parameter, or undefined when absent or empty. */
  text(name: string): string | undefined {
    return this.#values.get(name) || undefined;
  }

  /** The text of a parameter that must be there. */
  required(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw badRequest(`parameter ${name} is missing`);
    return text;
  }

  /** Every value of a repeatable parameter. */
  all(name: string): readonly string[] {
    return this.#values.getAll(name);
  }

  /** The items of a comma-separated list, without repeats; empty when absent. */
  list(name: string): readonly string[] {
    const items = this.text(name)?.split(',').map((item) => item.trim()) ?? [];
    return [...new Set(items)];
  }

  /** A whole number within bounds, or the default. */
  integer(name: string, options: { min: number; max: number; fallback: number }): number {
    const text = this.text(name);
    if (text === undefined) return options.fallback;
    const value = Number(text);
    const fits = /^\d{1,15}$/.test(text) && value >= options.min && value <= options.max;
    if (!fits) throw badRequest(`parameter ${name} must be a whole number from ${options.min} to ${options.max}`);
    return value;
  }
}
