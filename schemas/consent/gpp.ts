import { BitReader } from './bit-reader.ts';
import { lacksTcfCanadaConsent, lacksTcfConsent } from './tcf.ts';

const HEADER_TYPE = 3;
const HEADER_VERSION = 1;
/** No string names more sections than exist, thrice over. */
const MAX_SECTIONS = 100;

const SECTION_TCF_EU = 2;
const SECTION_SIGNAL_INTEGRITY = 4;
const SECTION_TCF_CANADA = 5;
const SECTION_US_PRIVACY = 6;
const US_PRIVACY = /^1[YN-][N-][YN-]$/i;

/** A US section's opt-outs stand together, two bits each, behind the version (6 bits) and the notices (2 bits each). */
type UsLayout = { readonly notices: number; readonly optOuts: number };
const VERSION_BITS = 6;
/** Sale and targeted advertising. */
const STATE: UsLayout = { notices: 3, optOuts: 2 };
const STATE_WITH_SENSITIVE_NOTICE: UsLayout = { notices: 4, optOuts: 2 };

// Source: IAB Tech Lab, GPP section information; ids 7 … 22.
const US_LAYOUTS: ReadonlyMap<number, UsLayout> = new Map([
  [7, { notices: 6, optOuts: 3 }], // national: sale, sharing, targeted advertising
  [8, { notices: 3, optOuts: 2 }], // California: sale, sharing
  ...[9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22].map((id): [number, UsLayout] => [id, STATE]), // VA CO CT FL MT OR TX DE NE NH NJ TN
  ...[11, 18].map((id): [number, UsLayout] => [id, STATE_WITH_SENSITIVE_NOTICE]), // UT IA
]);
const NOT_APPLICABLE = 0;
const DID_NOT_OPT_OUT = 2;
const GPC_SEGMENT_TYPE = 1;

/**
 * Whether a Global Privacy Platform string opts out in any of its sections (sale, sharing or targeted advertising in the US, missing consent
 * in the EU and Canada, a GPC bit), or cannot be read. Source: IAB Tech Lab, GPP 1.1.
 */
export function optsOutByGpp(text: string): boolean {
  const [header = '', ...sections] = text.split('~');
  const ids = sectionIds(header);
  if (ids === undefined || ids.length !== sections.length) return true;
  return ids.some((id, index) => sectionOptsOut(id, sections[index]!));
}

/** The ids in the header, ascending as the sections follow; undefined when it is none. */
function sectionIds(header: string): number[] | undefined {
  const reader = new BitReader(header);
  if (reader.read(6) !== HEADER_TYPE || reader.read(6) !== HEADER_VERSION) return undefined;
  const items = reader.read(12);
  const ids: number[] = [];
  let last = 0;
  for (let item = 0; item < items; item++) {
    const isGroup = reader.read(1) === 1;
    const first = last + reader.readFibonacci();
    last = isGroup ? first + reader.readFibonacci() : first;
    if (!(last - first + ids.length < MAX_SECTIONS)) return undefined;
    for (let id = first; id <= last; id++) ids.push(id);
  }
  return Number.isNaN(items) ? undefined : ids;
}

/** A section that we have no layout for may hold any refusal, so it is one. */
function sectionOptsOut(id: number, section: string): boolean {
  if (id === SECTION_SIGNAL_INTEGRITY) return false;
  if (id === SECTION_TCF_EU) return lacksTcfConsent(section);
  if (id === SECTION_TCF_CANADA) return lacksTcfCanadaConsent(section);
  if (id === SECTION_US_PRIVACY) return !US_PRIVACY.test(section);
  const layout = US_LAYOUTS.get(id);
  return layout === undefined || usSectionOptsOut(layout, section);
}

function usSectionOptsOut(layout: UsLayout, section: string): boolean {
  const [core = '', ...segments] = section.split('.');
  const reader = new BitReader(core);
  if (!(reader.read(VERSION_BITS) >= 1)) return true;
  reader.read(layout.notices * 2);
  for (let i = 0; i < layout.optOuts; i++) {
    const choice = reader.read(2);
    if (choice !== NOT_APPLICABLE && choice !== DID_NOT_OPT_OUT) return true;
  }
  return segments.some(hasGlobalPrivacyControl);
}

function hasGlobalPrivacyControl(segment: string): boolean {
  const reader = new BitReader(segment);
  return reader.read(2) === GPC_SEGMENT_TYPE && reader.read(1) !== 0;
}
