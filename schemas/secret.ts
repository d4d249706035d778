import { decodeBase64Url } from '../core/crypto/base64url.ts';
import { equalBytes } from '../core/crypto/constant-time.ts';
import { TrackingError } from '../core/errors.ts';

/** 256 bits: as strong as the tags that are made with it. */
export const MIN_SECRET_BYTES = 32;
/** Longer ones are pasted by mistake. */
export const MAX_SECRET_BYTES = 1_024;

// 32 random bytes have 30 distinct values on average and 19 or fewer less than once in 10^12; steps between neighbours likewise.
const MIN_DISTINCT = 20;
// 43 random characters of base64url have 31 distinct ones on average.
const MIN_DISTINCT_CHARACTERS = 12;
// Found in secrets that come out of documentation. A random secret holds one of them less than once in 10^7.
const SAMPLE_WORDS = ['sample', 'example', 'changeme', 'change-me', 'secret', 'password', 'placeholder', 'edgetally', 'default', 'insecure'];

/**
 * A secret of at least 256 bits, from its base64url. Refuses at start-up what nobody drew at random: empty, short, samples out of
 * documentation, repetitions and sequences. Throws `bad_configuration`; the message names the setting and never shows its value.
 */
export function requireSecret(name: string, base64url: string | undefined): Uint8Array {
  const flaw = flawOf(base64url);
  if (flaw !== undefined) {
    throw new TrackingError('bad_configuration', `${name} ${flaw}; give it ${MIN_SECRET_BYTES} random bytes as base64url without padding`);
  }
  return decodeBase64Url(base64url!)!;
}

/**
 * Refuses settings that share a secret: whoever holds one purpose's key would hold the other's. Throws `bad_configuration`, which names both
 * settings and never shows their value.
 */
export function requireDistinct(secrets: readonly { readonly name: string; readonly secret: Uint8Array }[]): void {
  for (const [index, { name, secret }] of secrets.entries()) {
    const twin = secrets.slice(0, index).find((other) => other.secret.length === secret.length && equalBytes(other.secret, secret, secret.length));
    if (twin !== undefined) throw new TrackingError('bad_configuration', `${name} is the same secret as ${twin.name}; every purpose has its own`);
  }
}

function flawOf(text: unknown): string | undefined {
  if (text === undefined || text === null || text === '') return 'is empty';
  if (typeof text !== 'string') return 'is not a string';
  if (isSample(text)) return 'is a sample';
  const secret = decodeBase64Url(text);
  if (secret === null) return 'is not base64url';
  if (secret.length < MIN_SECRET_BYTES) return `has ${secret.length} bytes`;
  if (secret.length > MAX_SECRET_BYTES) return `has ${secret.length} bytes, more than ${MAX_SECRET_BYTES}`;
  if (isSample(String.fromCharCode(...secret))) return 'is a sample';
  return isGuessable(text, secret) ? 'was not drawn at random' : undefined;
}

function isSample(text: string): boolean {
  const lower = text.toLowerCase();
  return SAMPLE_WORDS.some((word) => lower.includes(word));
}

/** Few distinct values: a repetition. Few distinct steps: a sequence. In the bytes or in the characters that were typed. */
function isGuessable(text: string, secret: Uint8Array): boolean {
  const characters = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return (
    new Set(secret).size < MIN_DISTINCT ||
    stepsOf(secret).size < MIN_DISTINCT ||
    new Set(characters).size < MIN_DISTINCT_CHARACTERS ||
    stepsOf(characters).size < MIN_DISTINCT_CHARACTERS
  );
}

function stepsOf(values: Uint8Array): Set<number> {
  const steps = new Set<number>();
  for (let i = 1; i < values.length; i++) steps.add((values[i]! - values[i - 1]!) & 0xff);
  return steps;
}
