/** Turn what a person types into a position in the recording. */

import type { Axis } from '../../words/axis'
import { formatClock, formatInstant, parseClock, parseInstant } from '../../words/time'

export type TimeMode = 'offset' | 'clock'

const DAY_MS = 86_400_000

/**
 * Read a typed time as seconds from the first frame; null when unreadable or outside `[0, duration]`.
 *
 * A full date is always clock time. A bare `HH:MM:SS` is a position in mode `offset`; in mode `clock`
 * it is the first such time at or after the recording's start, so that midnight may lie between.
 */
export function parsePosition(text: string, mode: TimeMode, axis: Axis | null, duration: number): number | null {
  const instant = parseInstant(text)
  if (instant !== null) return axis === null ? null : inside(axis.positionAt(instant), duration)
  if (mode === 'clock' && axis !== null && text.includes(':')) {
    const origin = axis.instantAt(0)
    const onStartDay = parseInstant(`${formatInstant(origin).slice(0, 10)} ${withSeconds(text)}`)
    if (onStartDay === null) return null
    // the clock's first second may have begun before the recording did
    const next = onStartDay + 1000 <= origin ? onStartDay + DAY_MS : Math.max(onStartDay, origin)
    return inside(axis.positionAt(next), duration)
  }
  const seconds = parseClock(text)
  return seconds === null ? null : inside(seconds, duration)
}

/**
 * Read a typed end of a range: a position where it can be one, else a time on the clock.
 *
 * The fields show positions, so a bare `HH:MM:SS` that lies in the recording is one; `14:03:12` in a recording
 * of ten minutes can only be meant by the clock.
 */
export function parseRangeEnd(text: string, axis: Axis | null, duration: number): number | null {
  return parsePosition(text, 'offset', axis, duration) ?? parsePosition(text, 'clock', axis, duration)
}

/** Print a position so that reading it back gives the same frame. */
export function printPosition(seconds: number): string {
  const milliseconds = seconds * 1000
  return formatClock(seconds, Math.abs(milliseconds - Math.round(milliseconds)) < 1e-3 ? 3 : 6)
}

function inside(seconds: number, duration: number): number | null {
  return seconds >= 0 && (duration <= 0 || seconds <= duration) ? seconds : null
}

function withSeconds(text: string): string {
  const trimmed = text.trim()
  return trimmed.split(/[:：]/).length === 2 ? `${trimmed}:00` : trimmed
}
