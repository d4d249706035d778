import { BitReader } from './bit-reader.ts';

/** Store or access information on a device; measure advertising performance: what recognising a viewer amounts to. */
const NEEDED_PURPOSES = [1, 7];

const TCF_VERSION = 2;
// Version 6, created 36, updated 36, CMP 12 + 12, screen 6, language 12, vendor list 12, policy 6, service-specific 1, stacks 1, special 12.
const PURPOSE_CONSENTS_AT = 152;

const TCF_CANADA_VERSION = 1;
// As above without the service-specific bit; express consents, then implied ones.
const CANADA_EXPRESS_AT = 151;
const CANADA_IMPLIED_AT = CANADA_EXPRESS_AT + 24;

/**
 * Whether a TCF 2 string lacks consent for a needed purpose, or cannot be read. Legitimate interest is not consent; strings of version 1 are
 * void since 2020. Source: IAB Europe, Transparency and Consent String v2, core string.
 */
export function lacksTcfConsent(text: string): boolean {
  const core = text.split('.', 1)[0]!;
  if (new BitReader(core).read(6) !== TCF_VERSION) return true;
  return NEEDED_PURPOSES.some((purpose) => bitAt(core, PURPOSE_CONSENTS_AT + purpose - 1) !== 1);
}

/** The same for Canada's string, where implied consent is consent. Source: IAB Canada TCF, GPP section 5. */
export function lacksTcfCanadaConsent(text: string): boolean {
  const core = text.split('.', 1)[0]!;
  if (new BitReader(core).read(6) !== TCF_CANADA_VERSION) return true;
  return NEEDED_PURPOSES.some(
    (purpose) => bitAt(core, CANADA_EXPRESS_AT + purpose - 1) !== 1 && bitAt(core, CANADA_IMPLIED_AT + purpose - 1) !== 1,
  );
}

function bitAt(text: string, at: number): number {
  const reader = new BitReader(text);
  reader.seek(at);
  return reader.read(1);
}
