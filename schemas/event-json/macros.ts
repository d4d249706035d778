/** Most values have none of these, and are let go at one look. */
const MAY_OPEN = /[$%{[]/;
/** The whole of a value; a list of several may look like its inside. */
const BRACKETED = /^\[[A-Z][A-Z0-9_]*\]$/;

/**
 * Whether an ad server forgot to put a value in: `${NAME}`, `%%NAME%%`, `{{name}}` anywhere, or `[NAME]` alone. Such a text is an absent
 * value, or all its users would be one. Linear in the text, whatever it holds. Source: DESIGN §2.
 */
export function hasUnexpandedMacro(text: string): boolean {
  if (!MAY_OPEN.test(text)) return false;
  return hasBetween(text, '${', '}') || hasBetween(text, '%%', '%%') || hasBetween(text, '{{', '}}') || BRACKETED.test(text);
}

function hasBetween(text: string, open: string, close: string): boolean {
  const at = text.indexOf(open);
  return at >= 0 && text.includes(close, at + open.length);
}
