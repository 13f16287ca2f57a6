import type { Flag, Peaks } from '../../api/types'
import type { Axis } from '../../words/axis'
import type { Interval } from '../../words/intervals'
import type { FrameTimes } from './frames'

/** What the player is given to show. Addresses carry their viewing. */
export interface PlayerMedia {
  readonly playlist: string
  readonly storyboard: string | null
  readonly peaks: Peaks | null
  /** False where no outline of the sound will ever come. */
  readonly hasPeaks?: boolean
  readonly poster: string | null
  /** Which position was filmed when, on the corrected clock; null when unknown. */
  readonly axis: Axis | null
  /** Seconds, as the catalogue knows them; 0 when unknown. */
  readonly duration: number
  readonly flags: readonly Flag[]
  /** Where nothing was recorded, or the record is missing: shown at true length, passed over in play. */
  readonly gaps: readonly Interval[]
  /** Where one recording of a session ends and the next one begins. */
  readonly joints: readonly number[]
  /** False for sound-only recordings, which show no picture and must not be called undecodable. */
  readonly hasVideo: boolean
  readonly startAt: number | null
  /** Why one looks, where the archive asks that with the playlist. */
  readonly reason?: string
  /** The time of every frame; null where the archive does not know it. */
  readonly frames: FrameTimes | null
}

export const NO_MEDIA: PlayerMedia = {
  playlist: '',
  storyboard: null,
  peaks: null,
  poster: null,
  axis: null,
  duration: 0,
  flags: [],
  gaps: [],
  joints: [],
  hasVideo: true,
  startAt: null,
  frames: null,
}
