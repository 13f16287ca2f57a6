import type { Flag, Peaks } from '../../api/types'

/** What the player is given to show. Addresses carry their viewing. */
export interface PlayerMedia {
  readonly playlist: string
  readonly storyboard: string | null
  readonly peaks: Peaks | null
  readonly poster: string | null
  /** The instant of position 0 on the corrected clock, in milliseconds since 1970; null when unknown. */
  readonly origin: number | null
  /** Seconds, as the catalogue knows them; 0 when unknown. */
  readonly duration: number
  readonly flags: readonly Flag[]
  /** False for sound-only recordings, which show no picture and must not be called undecodable. */
  readonly hasVideo: boolean
  readonly startAt: number | null
}
