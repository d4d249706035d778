import type { RequestScope } from '../ports.ts';
import type { Soon } from '../soon.ts';
import type { CatalogueCache } from './catalogue-cache.ts';
import type { CatalogueView } from './catalogue-view.ts';

export type LookedUp<Found> = { readonly found: Found | undefined; readonly view: CatalogueView };

/**
 * Looks something up; what is missing is looked for once more in a catalogue read after the request came, so that what was
 * registered a moment ago is found. `ticket` was drawn when the request came.
 */
export function lookUp<Found>(
  from: { readonly catalogue: CatalogueCache; readonly view: CatalogueView; readonly ticket: number; readonly scope: RequestScope },
  find: (view: CatalogueView) => Found | undefined,
): Soon<LookedUp<Found>> {
  const found = find(from.view);
  if (found !== undefined) return { found, view: from.view };
  return from.catalogue.viewAfter(from.ticket, from.scope).then((view) => ({ found: find(view ?? from.view), view: view ?? from.view }));
}
