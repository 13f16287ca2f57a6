/**
 * Read and print positions in a recording and instants on the wall clock.
 *
 * Positions are seconds from the first presented frame. Instants are milliseconds since 1970, shown
 * in the archive's one zone: UTC+8 without summer time. Printed positions and instants are rounded
 * *down*, so that a printed time given back as a start includes the frame it was read from.
 */

const ZONE_OFFSET_MS = 8 * 3_600_000
export const ZONE_LABEL = 'UTC+8'

/** Keep what a float has lost: 12.48 is stored as 12.479999…, and must still print as 12.480. */
const FLOAT_SLACK_S = 1e-7

const CLOCK = /^(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,6})?)$/
const SECONDS = /^\d+(?:\.\d{1,6})?$/
const INSTANT = /^(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,3})?))?$/

/**
 * Read `SS[.n]`, `MM:SS[.n]` or `HH:MM:SS[.n]` as seconds; null for any other form.
 *
 * Hours are not limited to 23: `26:00:00` is a legal position in a long custody recording.
 */
export function parseClock(text: string): number | null {
  const trimmed = normalise(text)
  if (SECONDS.test(trimmed)) return Number(trimmed)
  const found = CLOCK.exec(trimmed)
  if (!found) return null
  const hours = Number(found[1] ?? 0)
  const minutes = Number(found[2])
  const seconds = Number(found[3])
  if (minutes > 59 || seconds >= 60) return null
  return hours * 3600 + minutes * 60 + seconds
}

/** Print seconds as `HH:MM:SS.nnn`, rounded down to `digits` places (0 to 6). */
export function formatClock(seconds: number, digits = 3): string {
  if (!Number.isFinite(seconds)) return '--:--:--'
  const scale = 10 ** digits
  const units = Math.floor((Math.max(0, seconds) + FLOAT_SLACK_S) * scale)
  const whole = Math.floor(units / scale)
  const clock = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60].map(twoDigits).join(':')
  return digits === 0 ? clock : `${clock}.${String(units % scale).padStart(digits, '0')}`
}

/** Print whole microseconds as `HH:MM:SS.nnnnnn`. */
export function formatMicros(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000)
  return `${formatClock(seconds, 0)}.${String(micros % 1_000_000).padStart(6, '0')}`
}

/** Print a length briefly: `1:07`, `27:41`, `2:40:05`. */
export function formatLength(seconds: number): string {
  const clock = formatClock(seconds, 0)
  return clock.startsWith('00:') ? clock.slice(3).replace(/^0/, '') : clock.replace(/^0/, '')
}

/** Read `YYYY-MM-DD HH:MM[:SS[.nnn]]` on the archive's clock as milliseconds; null for another form or an impossible date. */
export function parseInstant(text: string): number | null {
  const found = INSTANT.exec(normalise(text))
  if (!found) return null
  const [year, month, day, hour, minute] = found.slice(1, 6).map(Number) as [number, number, number, number, number]
  const seconds = Number(found[6] ?? 0)
  if (hour > 23 || minute > 59 || seconds >= 60) return null
  const dayStart = Date.UTC(year, month - 1, day)
  const back = new Date(dayStart)
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day) return null
  return dayStart + (hour * 60 + minute) * 60_000 + Math.round(seconds * 1000) - ZONE_OFFSET_MS
}

/** Read an RFC 3339 time of the API as milliseconds; null when absent or unreadable. */
export function instantOf(text: string | null | undefined): number | null {
  if (!text) return null
  const instant = Date.parse(text)
  return Number.isNaN(instant) ? null : instant
}

/** Print an instant as `2026-11-21 14:03:12[.240]` on the archive's clock. */
export function formatInstant(instant: number | null, digits: 0 | 3 = 0): string {
  if (instant === null || !Number.isFinite(instant)) return '—'
  const text = new Date(Math.floor(instant) + ZONE_OFFSET_MS).toISOString()
  return text.slice(0, digits === 0 ? 19 : 23).replace('T', ' ')
}

/** Print an API time to the minute: `2026-11-21 14:03`. */
export function formatMinute(text: string | null | undefined): string {
  return formatInstant(instantOf(text)).slice(0, 16)
}

/** Print an API time to the second. */
export function formatSecond(text: string | null | undefined): string {
  return formatInstant(instantOf(text))
}

/** Turn a `datetime-local` field, which is on the archive's clock, into RFC 3339 with its offset. */
export function fieldToRfc3339(field: string): string | null {
  const instant = parseInstant(field)
  return instant === null ? null : `${formatInstant(instant).replace(' ', 'T')}+08:00`
}

export interface Position {
  readonly start: number
  readonly end: number | null
}

/**
 * Read where a link points to: `t=12.5`, `t=10,20`, `t=00:01:00,00:02:00` or `t=clock:2026-11-21T06:03:12Z`.
 *
 * `origin` is the instant of position 0, needed for the clock form only.
 * Source: W3C Media Fragments URI 1.0, section 4.2.1.
 */
export function parseFragment(fragment: string, origin: number | null): Position | null {
  const value = new URLSearchParams(fragment.replace(/^#/, '')).get('t')
  if (!value) return null
  if (value.startsWith('clock:')) {
    const instant = instantOf(value.slice('clock:'.length))
    return instant === null || origin === null ? null : { start: Math.max(0, (instant - origin) / 1000), end: null }
  }
  const [from = '', to] = value.replace(/^npt:/, '').split(',')
  const start = from === '' ? 0 : parseClock(from)
  const end = to === undefined ? null : parseClock(to)
  if (start === null || (to !== undefined && end === null)) return null
  return { start, end }
}

/** Read where a page's address leads: `?t=…` or `#t=…`, in the same forms. */
export function parsePlace(query: unknown, hash: string, origin: number | null): Position | null {
  const asked = Array.isArray(query) ? query[0] : query
  return typeof asked === 'string' ? parseFragment(new URLSearchParams({ t: asked }).toString(), origin) : parseFragment(hash, origin)
}

/** Accept what a Chinese input method types: full-width digits, colon and point. */
function normalise(text: string): string {
  return text.trim().replace(/：/g, ':').replace(/。|．/g, '.').replace(/[０-９]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0xfee0))
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
