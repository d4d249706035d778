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
 * The viewer's key, absent for nobody: the keyed hash of the pseudonym; else of the address hash and agent that a server reports; else,
 * for a browser, of its prefix and agent, renewed every UTC day so that nobody can be followed from one to the next. Source: DESIGN §2.
 */
export function viewerKey(hasher: Pick<KeyHasher, 'viewer'>, clues: ViewerClues): Key64 {
  if (clues.userPseudoId !== '') return hasher.viewer('u/', clues.userPseudoId);
  if (clues.ipHash !== '') return hasher.viewer(`r/${clues.ipHash}/`, clues.agent);
  if (clues.ipPrefix !== '') return hasher.viewer(`d/${Math.floor(clues.receivedAtMs / DAY_MS)}/${clues.ipPrefix}/`, clues.agent);
  return NO_KEY;
}
