const QUOTE = 34;
const BACKSLASH = 92;

/** How many objects and arrays begin in `text`, at most `limit` (strings that hold brackets count too, which only errs upwards). */
export function countOpeners(text: string, limit: number): number {
  return countOf('{', text, limit) + countOf('[', text, limit);
}

function countOf(character: string, text: string, limit: number): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0 && count < limit; at = text.indexOf(character, at + 1)) count++;
  return count;
}

/** Whether `text`, read as JSON, nests deeper than `limit`. One pass, no memory. */
export function textNestsDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    if (depth > limit) return true;
  }
  return false;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

/** Whether `value` nests deeper than `limit`; a stack of our own, so that no input can exhaust the engine's. */
export function valueNestsDeeper(value: unknown, limit: number): boolean {
  const waiting: { value: unknown; depth: number }[] = [{ value, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    if (next.depth >= limit) return true;
    for (const inner of Object.values(next.value)) waiting.push({ value: inner, depth: next.depth + 1 });
  }
  return false;
}
