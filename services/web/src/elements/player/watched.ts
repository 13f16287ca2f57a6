/** Gather which ranges a person has really watched: played, not jumped over. */

import { addInterval, type Interval } from '../../words/intervals'

/** A step of the clock longer than this at speed 1 was a jump. Players report at least four times a second. */
const LONGEST_STEP_S = 1

export class Watched {
  private ranges: Interval[] = []
  private last: number | null = null

  get intervals(): readonly Interval[] {
    return this.ranges
  }

  /** Note where the playing video stands; `rate` is its speed. */
  note(position: number, rate: number): void {
    const step = this.last === null ? 0 : position - this.last
    if (step > 0 && step <= LONGEST_STEP_S * Math.max(1, rate)) this.ranges = addInterval(this.ranges, this.last!, position)
    this.last = position
  }

  /** Forget where the video stood: it was paused, or moved by hand. */
  lift(): void {
    this.last = null
  }
}
