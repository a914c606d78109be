/** `exclude-newer`: a moment, a day, or a span before now. */
import { badSetting } from "./setting-checks.ts";

const UNITS: readonly [RegExp, number][] = [
  [/^(?:s|secs?|seconds?)$/, 1000],
  [/^(?:m|mins?|minutes?)$/, 60_000],
  [/^(?:h|hrs?|hours?)$/, 3_600_000],
  [/^(?:d|days?)$/, 86_400_000],
  [/^(?:w|wks?|weeks?)$/, 604_800_000],
];

/**
 * Milliseconds since the epoch. `2026-01-31T12:00:00Z` (RFC 3339); `2026-01-31`: the end of that day, local time;
 * `30 days`, `2 weeks`, `P30D`, `PT12H`: that long before `now`.
 */
export function readMoment(text: string, at: string, now: number): number {
  const trimmed = text.trim();
  const day = /^(\d{4})-(\d\d)-(\d\d)$/.exec(trimmed);
  if (day !== null) {
    const [year, month, date] = [Number(day[1]), Number(day[2]), Number(day[3])];
    const moment = new Date(year, month - 1, date);
    if (moment.getMonth() !== month - 1 || moment.getDate() !== date) throw notAMoment(at, text);
    return new Date(year, month - 1, date + 1).getTime();
  }
  if (/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(trimmed)) {
    const moment = Date.parse(trimmed.replace(" ", "T").toUpperCase());
    if (Number.isNaN(moment)) throw notAMoment(at, text);
    return moment;
  }
  const span = spanOf(trimmed);
  if (span === undefined) throw notAMoment(at, text);
  return now - span;
}

/** Whether a setting moves on with the clock: a span, not a moment. */
export function isSpan(text: string): boolean {
  return spanOf(text.trim()) !== undefined;
}

function spanOf(text: string): number | undefined {
  return isoSpan(text) ?? plainSpan(text);
}

function isoSpan(text: string): number | undefined {
  const parts = /^P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?$/i.exec(
    text,
  );
  if (parts === null || text.length < 3) return undefined;
  const [weeks, days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}

function plainSpan(text: string): number | undefined {
  const part = /^(\d{1,6})\s*([a-z]+)(?:\s+ago)?$/i.exec(text);
  const unit = UNITS.find(([pattern]) => part !== null && pattern.test((part[2] as string).toLowerCase()));
  return part === null || unit === undefined ? undefined : Number(part[1]) * unit[1];
}

function notAMoment(at: string, text: string) {
  return badSetting(
    at,
    `is not a moment: "${text}"`,
    "Write `2026-01-31`, `2026-01-31T12:00:00Z`, or a span such as `30 days`.",
  );
}
