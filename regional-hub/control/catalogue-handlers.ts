import { parseCatalogueBody, type CatalogueBody } from '../../schemas/catalogue-body.ts';
import { json, readJson, type Handler } from '../http/handler.ts';
import { notFound, RequestError } from '../http/request-error.ts';
import { CATALOGUE_SECTIONS, type CatalogueSection } from './catalogue-store.ts';
import type { ControlPlane } from './control-plane.ts';

/** `GET/PUT /v1/catalogue` and `GET/DELETE /v1/catalogue/{section}/{id}`. */
export function catalogueHandlers(plane: ControlPlane) {
  const put: Handler = async ({ raw }) => {
    const parsed = parseCatalogueBody(await readJson(raw));
    if (!parsed.ok) throw new RequestError(400, parsed.code, parsed.message, { path: parsed.path });
    const { body } = parsed;
    requireKnownRegions(body, plane.plan.regions);
    const outcome = plane.catalogue.upsert(body, plane.clock.nowMs());
    if (!outcome.ok) throw new RequestError(400, outcome.code, outcome.message, { path: outcome.path });
    plane.publish();
    const counts = Object.fromEntries(CATALOGUE_SECTIONS.map((section) => [section, body[section].length]));
    return json({ catalogueVersion: outcome.catalogueVersion, ...counts });
  };

  const getAll: Handler = () => json(plane.catalogue.read());

  const getItem: Handler = ({ path }) => {
    const section = requireSection(path('section'));
    const item = plane.catalogue.find(section, path('id'));
    if (item === undefined) throw notFound(`${section} holds no such id`);
    return json(item);
  };

  const deleteItem: Handler = ({ path }) => {
    const section = requireSection(path('section'));
    const outcome = plane.catalogue.remove(section, path('id'), plane.clock.nowMs());
    switch (outcome.kind) {
      case 'absent':
        throw notFound(`${section} holds no such id`);
      case 'referenced':
        throw new RequestError(409, 'still_referenced', `${outcome.by} still points at it`);
      case 'removed':
        plane.publish();
        return json({ catalogueVersion: outcome.catalogueVersion });
    }
  };

  return { putCatalogue: put, getCatalogue: getAll, getCatalogueItem: getItem, deleteCatalogueItem: deleteItem };
}

function requireSection(text: string): CatalogueSection {
  const section = CATALOGUE_SECTIONS.find((known) => known === text);
  if (section === undefined) throw notFound(`a catalogue has ${CATALOGUE_SECTIONS.join(', ')}`);
  return section;
}

function requireKnownRegions(body: CatalogueBody, regions: readonly string[]): void {
  const index = body.ads.findIndex(({ homeRegion }) => homeRegion !== '' && !regions.includes(homeRegion));
  if (index < 0) return;
  throw new RequestError(400, 'unknown_reference', `ads[${index}].homeRegion must be one of ${regions.join(', ')}`, { path: `ads[${index}].homeRegion` });
}
