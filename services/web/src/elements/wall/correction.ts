/** Decide how a video that should show the same moment as another one gets there. Source: knowledge/ux_ecosystem 4.2, measured. */

/** Further apart than this, playing faster or slower would take too long: seek. */
export const SEEK_BEYOND_S = 0.5
/** Nearer than this nobody sees or hears a difference. */
export const NEAR_ENOUGH_S = 0.02
/** Speeds at which sound stays sound. */
const SLOWEST = 0.9
const FASTEST = 1.1
/** Part of the error that one second of play takes away, until the limits. */
const EAGERNESS = 2

export interface Correction {
  readonly seek: boolean
  /** By what the common speed is multiplied. */
  readonly factor: number
}

/** `error` in seconds: how far the follower is ahead of where it should be. */
export function correctionFor(error: number): Correction {
  const apart = Math.abs(error)
  if (apart > SEEK_BEYOND_S) return { seek: true, factor: 1 }
  if (apart <= NEAR_ENOUGH_S) return { seek: false, factor: 1 }
  return { seek: false, factor: Math.min(FASTEST, Math.max(SLOWEST, 1 - EAGERNESS * error)) }
}
