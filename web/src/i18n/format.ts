/** Ages, durations, amounts and times as people read them. Nothing here looks at the clock: `now` is passed in. */
import { locale, newNumbers, t } from ".";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** From here on an age is a date. */
const OLD = 14 * DAY;

const day = { day: "numeric", month: "short" } as const;
// The browser takes long to make the first of these, so they are made when they are wanted.
const whole = newNumbers({ maximumFractionDigits: 0 });
const tenth = newNumbers({ maximumFractionDigits: 1 });
const exactly = newDates({
  weekday: "short",
  ...day,
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});
const hours = newDates({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const days = newDates(day);
const years = newDates({ ...day, year: "numeric" });

function newDates(options: Intl.DateTimeFormatOptions): { readonly format: (at: number) => string } {
  let made: Intl.DateTimeFormat | undefined;
  return { format: (at) => (made ??= new Intl.DateTimeFormat(locale, options)).format(at) };
}

/** Has the browser make them before anybody waits for one, with a pause before each. */
export async function warmUp(pause: () => Promise<void>): Promise<void> {
  for (const one of [whole, tenth, exactly, hours]) {
    await pause();
    one.format(1234.5);
  }
}

/** Milliseconds since 1970 of a server's time, or null where there is none or it makes no sense. */
export function instant(at: string | number | null | undefined): number | null {
  if (at === null || at === undefined) return null;
  const ms = typeof at === "number" ? at : Date.parse(at);
  return Number.isFinite(ms) ? ms : null;
}

/** "2 m", "3 h", and a date for what is older than two weeks. */
export function age(at: number, now: number): string {
  const past = Math.max(0, now - at);
  if (past < 5 * SECOND) return t("shared.age.now");
  if (past < MINUTE) return t("shared.age.seconds", { n: Math.floor(past / SECOND) });
  if (past < HOUR) return t("shared.age.minutes", { n: Math.floor(past / MINUTE) });
  if (past < DAY) return t("shared.age.hours", { n: Math.floor(past / HOUR) });
  if (past < OLD) return t("shared.age.days", { n: Math.floor(past / DAY) });
  return new Date(at).getFullYear() === new Date(now).getFullYear() ? days.format(at) : years.format(at);
}

/** Milliseconds until the text of an age changes. */
export function ageLasts(at: number, now: number): number {
  const past = Math.max(0, now - at);
  const step = past < MINUTE ? SECOND : past < HOUR ? MINUTE : past < DAY ? HOUR : DAY;
  return step - (past % step);
}

/** "0.2 s", "41 s", "2 m 5 s", "1 h 3 m". */
export function duration(ms: number): string {
  const d = Math.max(0, ms);
  if (d < 9_950) return t("shared.duration.seconds", { n: tenth.format(d / SECOND) });
  const s = Math.round(d / SECOND);
  if (s < 60) return t("shared.duration.seconds", { n: s });
  if (s < 3600) return pair(Math.floor(s / 60), s % 60, "minutes");
  const m = Math.round(s / 60);
  if (m < 24 * 60) return pair(Math.floor(m / 60), m % 60, "hours");
  const h = Math.round(m / 60);
  return pair(Math.floor(h / 24), h % 24, "days");
}

function pair(big: number, small: number, unit: "minutes" | "hours" | "days"): string {
  if (unit === "minutes") {
    return small === 0
      ? t("shared.duration.minutes_only", { m: big })
      : t("shared.duration.minutes", { m: big, s: small });
  }
  if (unit === "hours") {
    return small === 0
      ? t("shared.duration.hours_only", { h: big })
      : t("shared.duration.hours", { h: big, m: small });
  }
  return small === 0
    ? t("shared.duration.days_only", { d: big })
    : t("shared.duration.days", { d: big, h: small });
}

/** "950", "1.2k", "31k", "1.4M". */
export function tokens(n: number): string {
  if (n < 1000) return whole.format(n);
  if (n < 9_950) return t("shared.tokens.thousand", { n: tenth.format(n / 1000) });
  if (n < 999_500) return t("shared.tokens.thousand", { n: whole.format(n / 1000) });
  return t("shared.tokens.million", { n: tenth.format(n / 1_000_000) });
}

/** "31k in, 2k out". */
export function tokensInOut(input: number, output: number): string {
  return t("shared.tokens.both", { input: tokens(input), output: tokens(output) });
}

/** "12k of 200k". */
export function context(used: number, size: number): string {
  return t("shared.tokens.context", { used: tokens(used), size: tokens(size) });
}

/** "$0.12"; small sums keep two figures that say something. */
export function money(amount: number, currency: string): string {
  const digits = amount !== 0 && Math.abs(amount) < 0.01 ? { maximumSignificantDigits: 2 } : {};
  try {
    return new Intl.NumberFormat(locale, { style: "currency", currency, ...digits }).format(amount);
  } catch {
    return `${tenth.format(amount)} ${currency}`;
  }
}

/** "3,412". */
export function number(n: number): string {
  return whole.format(n);
}

/** "412 bytes", "12 KB", "1.4 MB". */
export function size(bytes: number): string {
  if (bytes < 1000) return t("shared.size.bytes", { count: bytes });
  if (bytes < 999_500) return t("shared.size.kb", { n: whole.format(bytes / 1000) });
  if (bytes < 999_500_000) return t("shared.size.mb", { n: tenth.format(bytes / 1_000_000) });
  return t("shared.size.gb", { n: tenth.format(bytes / 1_000_000_000) });
}

/** The whole time, to the second and with its zone: for hovering and copying. */
export function exact(at: number): string {
  return exactly.format(at);
}

/** "14:02" today, "3 Nov, 14:02" otherwise. */
export function clock(at: number, now: number): string {
  const time = hours.format(at);
  if (new Date(at).toDateString() === new Date(now).toDateString()) return time;
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return t("shared.time.day_and_time", { day: (sameYear ? days : years).format(at), time });
}
