import { parse } from 'bowser';
import type { DeviceType } from '../../core/event.ts';

/** Client hints as they came; '' = not sent. Source: UA Client Hints, Sec-CH-UA-Mobile and Sec-CH-UA-Form-Factors. */
export type DeviceHints = { readonly mobile: string; readonly formFactors: string };

export const NO_HINTS: DeviceHints = { mobile: '', formFactors: '' };

/** The device behind a request: what the browser says of itself, then what its agent looks like. */
export function deviceTypeOf(hints: DeviceHints, agentDeviceType: DeviceType): DeviceType {
  const hinted = formFactorType(hints.formFactors);
  if (hinted !== null) return hinted;
  if (hints.mobile === '?1') return agentDeviceType === 'tablet' ? 'tablet' : 'mobile';
  if (hints.mobile === '?0' && agentDeviceType === 'other') return 'desktop';
  return agentDeviceType;
}

/** The device that an agent string describes; `other` for bots and for what nobody knows. */
export function agentDeviceType(agent: string): DeviceType {
  if (agent === '') return 'other';
  switch (parse(agent).platform.type) {
    case 'desktop':
      return 'desktop';
    case 'mobile':
      return 'mobile';
    case 'tablet':
      return 'tablet';
    case 'tv':
      return 'ctv';
    default:
      return 'other';
  }
}

const FORM_FACTORS: readonly (readonly [string, DeviceType])[] = [
  ['"Tablet"', 'tablet'],
  ['"Mobile"', 'mobile'],
  ['"TV"', 'ctv'],
  ['"Desktop"', 'desktop'],
];

function formFactorType(formFactors: string): DeviceType | null {
  if (formFactors === '') return null;
  return FORM_FACTORS.find(([name]) => formFactors.includes(name))?.[1] ?? null;
}
