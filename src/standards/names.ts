/** Names of projects, extras and groups, and their normal form (PEP 503, PEP 685, PEP 735). */

const VALID = /^(?:[a-z0-9]|[a-z0-9][a-z0-9._-]*[a-z0-9])$/i;
const NORMAL = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** `Django_REST.framework` → `django-rest-framework`. A name that is not valid is changed in the same way. */
export function normalizeName(name: string): string {
  return NORMAL.test(name) ? name : name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** Extras and dependency groups follow the rule of names (PEP 685, PEP 735). */
export function normalizeExtra(extra: string): string {
  return normalizeName(extra);
}

/** ASCII letters, digits, `.`, `-` and `_`, with a letter or digit at each end (core metadata, `Name`). */
export function isValidName(name: string): boolean {
  return VALID.test(name);
}

/** Already in normal form. */
export function isNormalName(name: string): boolean {
  return NORMAL.test(name);
}
