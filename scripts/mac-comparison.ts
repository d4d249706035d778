/** Names of things that only whoever holds a key can make: comparing them byte by byte tells a forger how far he came. */
const SECRET_NAME = /^#?(?:mac|tag|hmac|signature|secret)$|(?:Mac|Tag|Hmac|Signature|Secret|MAC|HMAC)$/;
/** A name or a path of names, and what is called on it or read from it. */
const OPERAND = String.raw`[\w.#'"-]+(?:(?:\([^()]*\)|\[[^\]]*\])[\w.#]*)*`;
const EQUALITY = new RegExp(String.raw`(${OPERAND})\s*[!=]==?\s*(${OPERAND})`, 'g');
const METHOD = new RegExp(String.raw`([\w.#]+)\.(?:equals|localeCompare|startsWith|includes|indexOf)\(\s*(${OPERAND})`, 'g');
const ORDER = new RegExp(String.raw`()Buffer\.compare\(\s*(${OPERAND})\s*,\s*(${OPERAND})`, 'g');
/** Whether a value is there at all is no secret. */
const HARMLESS = /^(?:undefined|null|true|false|''|""|-?\d+)$/;
/** What leaves a secret a secret: another spelling of it, or a part. */
const VIEW = /(?:\.(?:toString|toHex|slice|subarray|at)\([^()]*\)|\[[^\]]*\])+$/;

/** Whether a line of code compares a MAC, tag, signature or secret in a time that depends on where they differ. `equalBytes` and `timingSafeEqual` do not. */
export function comparesMac(line: string): boolean {
  return [EQUALITY, METHOD, ORDER].some((pattern) => [...line.matchAll(pattern)].some(([, ...operands]) => isTelling(operands.filter((operand) => operand !== ''))));
}

function isTelling(operands: readonly string[]): boolean {
  return operands.some(isSecret) && !operands.some((operand) => HARMLESS.test(operand));
}

function isSecret(operand: string): boolean {
  return SECRET_NAME.test(operand.replace(VIEW, '').split('.').at(-1) ?? '');
}
