/** Tell positions of a player from instants of the wall clock, and back. */

/** `positionAt` may lie outside of what is played; the caller looks. Instants are milliseconds since 1970. */
export interface Axis {
  instantAt(position: number): number
  positionAt(instant: number): number
}

/** One recording: its second 0 was at `origin`, and time ran evenly. Null for an unknown origin. */
export function evenAxis(origin: number | null): Axis | null {
  if (origin === null) return null
  return {
    instantAt: (position) => origin + position * 1000,
    positionAt: (instant) => (instant - origin) / 1000,
  }
}

/** `length` seconds from `start` on, which were filmed from `instant` on. */
export interface Stretch {
  readonly start: number
  readonly length: number
  readonly instant: number
}

/**
 * Several stretches one after the other. Where two overlap by the clock, an instant is found in the later one;
 * where the clock leaps between two, it is the beginning of the second. Null without stretches.
 */
export function piecedAxis(stretches: readonly Stretch[]): Axis | null {
  const [first] = stretches
  if (!first) return null
  const before = (test: (stretch: Stretch) => boolean): Stretch => stretches.filter(test).pop() ?? first
  return {
    instantAt(position) {
      const stretch = before(({ start }) => start <= position)
      return stretch.instant + (position - stretch.start) * 1000
    },
    positionAt(instant) {
      const stretch = before((one) => one.instant <= instant)
      const next = stretches[stretches.indexOf(stretch) + 1]
      const position = stretch.start + (instant - stretch.instant) / 1000
      return next ? Math.min(position, next.start) : position
    },
  }
}
