import type { EpochMs } from '../../core/time.ts';
import type { ParsedEvent } from '../../schemas/event-json.ts';
import type { TokenVerifier } from '../../schemas/token.ts';
import type { Grants } from '../auth/grants.ts';
import type { AdEntry } from '../catalogue/catalogue-view.ts';
import { arrived, checkToken, standingOf, vouched, type Admitted, type Refused, type Standing } from './door.ts';

/** Publishers and campaigns that are remembered of an ad; whoever names more of them has each looked up. */
const MAX_REMEMBERED = 16;

export type RequestDoorOptions = {
  readonly ads: ReadonlyMap<string, AdEntry>;
  readonly verifier: TokenVerifier;
  readonly grants: Grants | null;
  readonly nowMs: EpochMs;
};

type Remembered = { readonly publisherId: string; readonly campaignId: string; readonly standing: Standing };

/**
 * The door of one request. It says what `atTheDoor` would of each event, and asks about catalogue, tenant and campaign once for each
 * combination that its events name: a thousand events are of a few ads.
 */
export class RequestDoor {
  readonly #options: RequestDoorOptions;
  readonly #rememberedOf = new Map<string, Remembered[]>();

  constructor(options: RequestDoorOptions) {
    this.#options = options;
  }

  judge(event: ParsedEvent): Admitted | Refused {
    const { verifier, grants } = this.#options;
    const token = vouched(event, checkToken(event, verifier), grants);
    if (token !== null && 'code' in token) return token;
    return arrived(event, token, this.#standing(event.adId, token?.publisherId || event.publisherId, event.campaignId), this.#options);
  }

  #standing(adId: string, publisherId: string, campaignId: string): Standing {
    let remembered = this.#rememberedOf.get(adId);
    if (remembered === undefined) this.#rememberedOf.set(adId, (remembered = []));
    for (const known of remembered) if (known.publisherId === publisherId && known.campaignId === campaignId) return known.standing;
    const { ads, grants } = this.#options;
    const standing = standingOf({ entry: ads.get(adId), publisherId, campaignId, grants });
    if (remembered.length < MAX_REMEMBERED) remembered.push({ publisherId, campaignId, standing });
    return standing;
  }
}
