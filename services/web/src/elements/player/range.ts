/** Hold the chosen range `[in, out)` and show it: fields, length, shading, what can be done with it. */

import { formatClock } from '../../words/time'
import { placeRange } from './lanes'
import { printPosition } from './position'
import type { Parts } from './template'

export interface Range {
  readonly start: number
  readonly end: number
}

export class ChosenRange {
  start: number | null = null
  end: number | null = null
  private snap: Range | null = null

  constructor(
    private readonly parts: Parts,
    private readonly label: (name: string) => string,
    private readonly durationOf: () => number,
    private readonly onChange: (whole: Range | null) => void = () => undefined,
  ) {}

  get whole(): Range | null {
    const { start, end } = this
    return start !== null && end !== null && end > start ? { start, end } : null
  }

  /** Choose `[start, end)`; null leaves that end open. */
  set(start: number | null, end: number | null): void {
    if (start === this.start && end === this.end) return this.show()
    this.start = start
    this.end = end
    this.snap = null // it belonged to the range before
    this.show()
    this.onChange(this.whole)
  }

  /** Show which range a verbatim clip would have; null where there is none to show. */
  showSnap(snap: Range | null): void {
    this.snap = snap
    this.show()
  }

  show(): void {
    const { start, end, parts } = this
    parts.inField.value = start === null ? '' : printPosition(start)
    parts.outField.value = end === null ? '' : printPosition(end)
    parts.range.hidden = start === null && end === null
    placeRange(parts.range, start ?? end ?? 0, end ?? start ?? 0, this.durationOf())
    const whole = this.whole
    parts.snap.hidden = this.snap === null || whole === null
    if (this.snap) placeRange(parts.snap, this.snap.start, this.snap.end, this.durationOf())
    parts.length.textContent = whole ? `${this.label('length')} ${formatClock(whole.end - whole.start)}` : ''
    parts.message.textContent = start !== null && end !== null && !whole ? this.label('badRange') : ''
    for (const button of [parts.clip, parts.preview]) button.disabled = !whole
  }
}
