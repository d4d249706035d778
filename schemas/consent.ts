import { hasUnexpandedMacro } from './event-json/macros.ts';
import { optsOutByGpp } from './consent/gpp.ts';
import { lacksTcfConsent } from './consent/tcf.ts';

/**
 * Every signal by which a person may ask not to be recognised: request headers as they came, and strings out of the ad world.
 * undefined, null or '' = absent.
 */
export type ConsentSignals = {
  /** The `Sec-GPC` header. */
  readonly secGpc?: string | null | undefined;
  /** The `DNT` header; counts only where the operator honours it. */
  readonly dnt?: string | null | undefined;
  readonly dntHonoured?: boolean | undefined;
  readonly optOut?: boolean | undefined;
  readonly usPrivacy?: string | null | undefined;
  readonly gpp?: string | null | undefined;
  readonly tcf?: string | null | undefined;
  /** The sender says that the GDPR applies: then no consent string means no consent. */
  readonly gdprApplies?: boolean | undefined;
};

// Version 1, then: notice given, opted out of sale, covered by the LSPA; each Y, N or - (does not apply).
const US_PRIVACY = /^1[YN-]([YN-])[YN-]$/i;

/**
 * Whether an event must be kept private: no viewer key, no IP, no agent. Any signal is enough. A string that cannot be read is taken for
 * a refusal: somebody wanted to say something, an aggregate costs nothing, and a recognised viewer cannot be taken back.
 * Source: DESIGN §2, Privacy; IAB US Privacy 1.0, GPP 1.1, TCF 2.
 */
export function privacyOf(signals: ConsentSignals): boolean {
  return (
    signals.secGpc?.trim() === '1' ||
    signals.optOut === true ||
    (signals.dntHonoured === true && signals.dnt?.trim() === '1') ||
    optsOutByUsPrivacy(signals.usPrivacy) ||
    (isGiven(signals.gpp) && optsOutByGpp(signals.gpp)) ||
    (isGiven(signals.tcf) ? lacksTcfConsent(signals.tcf) : signals.gdprApplies === true)
  );
}

/**
 * The `consent` field of an event, in any of its forms: an object `{optOut?, gpc?, dnt?, usPrivacy?, gpp?, tcf?, gdpr?}` in either spelling
 * with the names that OpenRTB and TCF use, or one bare string. undefined when absent; a form that nobody knows is an opt-out.
 */
export function consentOf(value: unknown): ConsentSignals | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return consentOfString(value);
  if (typeof value !== 'object' || Array.isArray(value)) return { optOut: true };
  const given = value as Record<string, unknown>;
  return {
    secGpc: isYes(given['gpc'] ?? given['secGpc'] ?? given['sec_gpc']) ? '1' : undefined,
    dnt: isYes(given['dnt']) ? '1' : undefined,
    optOut: isYes(given['optOut'] ?? given['opt_out']),
    usPrivacy: stringOf(given['usPrivacy'] ?? given['us_privacy']),
    gpp: stringOf(given['gpp'] ?? given['gppString'] ?? given['gpp_string']),
    tcf: stringOf(given['tcf'] ?? given['tcString'] ?? given['tc_string'] ?? given['gdprConsent'] ?? given['gdpr_consent']),
    gdprApplies: isYes(given['gdpr'] ?? given['gdprApplies'] ?? given['gdpr_applies']),
  };
}

/** GPP begins with its header's type 3 = `D`; US Privacy is four characters; what remains claims to be TCF. */
function consentOfString(text: string): ConsentSignals | undefined {
  if (!isGiven(text)) return undefined;
  if (US_PRIVACY.test(text)) return { usPrivacy: text };
  return text.startsWith('D') ? { gpp: text } : { tcf: text };
}

function optsOutByUsPrivacy(text: string | null | undefined): boolean {
  if (!isGiven(text)) return false;
  const match = US_PRIVACY.exec(text);
  return match === null || match[1]!.toUpperCase() === 'Y';
}

/** Whether there is a value at all: a macro that nobody expanded is none. */
function isGiven(text: string | null | undefined): text is string {
  return text !== undefined && text !== null && text !== '' && !hasUnexpandedMacro(text);
}

function isYes(value: unknown): boolean {
  return value === true || value === 1 || value === '1' || value === 'true';
}

/** A value of another type cannot be read, which '?' stands for: it is malformed in every format. */
function stringOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : '?';
}
