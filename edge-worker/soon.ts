/**
 * What is there already, or will be. Nearly every request finds its catalogue and its ad in memory; a promise for what is there would cost it a microtask and
 * an object that the runtime tags with its request, at each step of its way.
 */
export type Soon<Value> = Value | Promise<Value>;

/** Goes on with `value`: at once where it is there. */
export function whenReady<Value, Next>(value: Soon<Value>, use: (value: Value) => Soon<Next>): Soon<Next> {
  return value instanceof Promise ? value.then(use) : use(value);
}
