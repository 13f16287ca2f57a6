/** Place instants on a wall-clock axis that can be zoomed and moved. All times are milliseconds since 1970. */

const ZONE_OFFSET_MS = 8 * 3_600_000
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const STEPS = [
  SECOND,
  5 * SECOND,
  10 * SECOND,
  30 * SECOND,
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  30 * DAY,
  90 * DAY,
  365 * DAY,
] as const

/** The closest view: ten seconds across. */
const SHORTEST_MS = 10 * SECOND

export interface Extent {
  readonly from: number
  readonly to: number
}

/** Show all of `bounds` with a margin of 2 % on each side, at least half a second. */
export function fit(bounds: Extent): Extent {
  const margin = Math.max(500, (bounds.to - bounds.from) * 0.02)
  return { from: bounds.from - margin, to: bounds.to + margin }
}

/** Divide the view's length by `factor`, keeping `anchor` where it is; never closer than 10 s, never beyond `whole`. */
export function zoom(view: Extent, factor: number, anchor: number, whole: Extent): Extent {
  const length = view.to - view.from
  const wanted = Math.min(whole.to - whole.from, Math.max(SHORTEST_MS, length / factor))
  const share = length > 0 ? (anchor - view.from) / length : 0.5
  return within({ from: anchor - share * wanted, to: anchor + (1 - share) * wanted }, whole)
}

/** Move the view by a share of its length. */
export function pan(view: Extent, share: number, whole: Extent): Extent {
  const by = (view.to - view.from) * share
  return within({ from: view.from + by, to: view.to + by }, whole)
}

/** Bring `[start, end)` into view, with room around it, without a jump when it is already there. */
export function reveal(view: Extent, start: number, end: number, whole: Extent): Extent {
  if (start >= view.from && end <= view.to) return view
  const length = Math.max(view.to - view.from, (end - start) * 1.2)
  const middle = (start + end) / 2
  return within({ from: middle - length / 2, to: middle + length / 2 }, whole)
}

/** Slide, and if need be shorten, a view until it lies inside `whole`. */
export function within(view: Extent, whole: Extent): Extent {
  const length = Math.min(view.to - view.from, whole.to - whole.from)
  const from = Math.min(Math.max(view.from, whole.from), whole.to - length)
  return { from, to: from + length }
}

/** Where an instant lies in the view, 0 to 1 inside it. */
export function shareOf(view: Extent, instant: number): number {
  return (instant - view.from) / (view.to - view.from)
}

export function instantAt(view: Extent, share: number): number {
  return view.from + share * (view.to - view.from)
}

export interface Tick {
  readonly instant: number
  readonly label: string
  /** True at midnight and for the first tick, whose label carries the date. */
  readonly dated: boolean
}

/** Choose round instants, at most `most` of them, aligned to the archive's clock. */
export function ticks(view: Extent, most: number): Tick[] {
  const step = STEPS.find((candidate) => (view.to - view.from) / candidate <= most) ?? STEPS[STEPS.length - 1]!
  const first = Math.ceil((view.from + ZONE_OFFSET_MS) / step) * step - ZONE_OFFSET_MS
  const found: Tick[] = []
  for (let instant = first; instant <= view.to && found.length <= most; instant += step) {
    const text = new Date(instant + ZONE_OFFSET_MS).toISOString()
    const dated = found.length === 0 || text.slice(11, 19) === '00:00:00'
    const clock = step < MINUTE ? text.slice(11, 19) : text.slice(11, 16)
    found.push({ instant, dated, label: step >= DAY ? text.slice(0, 10) : dated ? `${text.slice(5, 10)} ${clock}` : clock })
  }
  return found
}
