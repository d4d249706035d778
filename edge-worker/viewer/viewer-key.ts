import { NO_KEY, type Key64 } from '../../core/event.ts';
import type { KeyHasher } from '../../core/hash.ts';
import { DAY_MS, type EpochMs } from '../../core/time.ts';

/** All that may tell who saw an ad; '' = not known. */
export type ViewerClues = {
  readonly userPseudoId: string;
  readonly ipHash: string;
  /** The person's agent, never a server's. */
  readonly agent: string;
  /** The person's own IP prefix; '' where the request came from a server. */
  readonly ipPrefix: string;
  readonly receivedAtMs: EpochMs;
};

/**
 * The text that a viewer's key is the hash of, '' for nobody: the pseudonym; else the address hash and agent that a server reports; else,
 * for a browser, its prefix and agent, renewed every UTC day so that nobody can be followed from one to the next. Source: DESIGN §2.
 */
export function viewerText(clues: ViewerClues): string {
  if (clues.userPseudoId !== '') return `u/${clues.userPseudoId}`;
  if (clues.ipHash !== '') return `r/${clues.ipHash}/${clues.agent}`;
  if (clues.ipPrefix !== '') return `d/${Math.floor(clues.receivedAtMs / DAY_MS)}/${clues.ipPrefix}/${clues.agent}`;
  return '';
}

/** The viewer's key: the keyed hash of that text, absent for nobody. */
export function viewerKey(hasher: KeyHasher, clues: ViewerClues): Key64 {
  const text = viewerText(clues);
  return text === '' ? NO_KEY : hasher.viewer(text);
}
