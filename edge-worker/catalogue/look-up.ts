import type { RequestScope } from '../ports.ts';
import type { CatalogueCache } from './catalogue-cache.ts';
import type { CatalogueView } from './catalogue-view.ts';

/**
 * Looks something up; what is missing is looked for once more in a catalogue read after the request came, so that what was
 * registered a moment ago is found. `ticket` was drawn when the request came.
 */
export async function lookUp<Found>(
  from: { readonly catalogue: CatalogueCache; readonly view: CatalogueView; readonly ticket: number; readonly scope: RequestScope },
  find: (view: CatalogueView) => Found | undefined,
): Promise<{ readonly found: Found | undefined; readonly view: CatalogueView }> {
  const found = find(from.view);
  if (found !== undefined) return { found, view: from.view };
  const view = (await from.catalogue.viewAfter(from.ticket, from.scope)) ?? from.view;
  return { found: find(view), view };
}
