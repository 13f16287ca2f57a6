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

  /** Choose `[start, end)`; null leaves that end open. Only this writes the fields: what is being typed there stays. */
  set(start: number | null, end: number | null): void {
    const isNew = start !== this.start || end !== this.end
    this.start = start
    this.end = end
    if (isNew) this.snap = null // it belonged to the range before
    this.parts.inField.value = start === null ? '' : printPosition(start)
    this.parts.outField.value = end === null ? '' : printPosition(end)
    this.show()
    if (isNew) this.onChange(this.whole)
  }

  /** Show which range a verbatim clip would have; null where there is none to show. */
  showSnap(snap: Range | null): void {
    this.snap = snap
    this.show()
  }

  /** Show the range anew: how long the recording is may have become known. */
  show(): void {
    const { start, end, parts } = this
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
