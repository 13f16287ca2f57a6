/** Hold the chosen range `[in, out)` and show it: fields, length, shading, what can be done with it. */

import { formatClock } from '../../words/time'
import { placeRange } from './lanes'
import { printPosition } from './position'
import type { Parts } from './template'

export class ChosenRange {
  start: number | null = null
  end: number | null = null

  constructor(
    private readonly parts: Parts,
    private readonly label: (name: string) => string,
    private readonly durationOf: () => number,
  ) {}

  get whole(): { start: number; end: number } | null {
    const { start, end } = this
    return start !== null && end !== null && end > start ? { start, end } : null
  }

  /** Choose `[start, end)`; null leaves that end open. */
  set(start: number | null, end: number | null): void {
    this.start = start
    this.end = end
    this.show()
  }

  show(): void {
    const { start, end, parts } = this
    parts.inField.value = start === null ? '' : printPosition(start)
    parts.outField.value = end === null ? '' : printPosition(end)
    parts.range.hidden = start === null && end === null
    placeRange(parts.range, start ?? end ?? 0, end ?? start ?? 0, this.durationOf())
    const whole = this.whole
    parts.length.textContent = whole ? `${this.label('length')} ${formatClock(whole.end - whole.start)}` : ''
    parts.message.textContent = start !== null && end !== null && !whole ? this.label('badRange') : ''
    for (const button of [parts.clip, parts.preview]) button.disabled = !whole
  }
}
