import type { Exchange } from '../exchange.ts';
import type { Soon } from '../soon.ts';
import type { CatalogueInHand, CatalogueView } from './catalogue-view.ts';

export type LookedUp<Found> = { readonly found: Found | undefined; readonly view: CatalogueView };

/**
 * Looks something up; what is missing is looked for once more in a catalogue read after the request came, so that what was
 * registered a moment ago is found.
 */
export function lookUp<Found>(
  { edge, scope }: Exchange,
  { view, ticket }: CatalogueInHand,
  find: (view: CatalogueView) => Found | undefined,
): Soon<LookedUp<Found>> {
  const found = find(view);
  if (found !== undefined) return { found, view };
  return edge.catalogue.viewAfter(ticket, scope).then((newer) => ({ found: find(newer ?? view), view: newer ?? view }));
}
