/** Show where the player stands: the two clocks, the cursor, the play button. */

import type { Axis } from '../../words/axis'
import { formatClock, formatInstant, formatMicros } from '../../words/time'
import type { Frame } from './frames'
import { placeRange } from './lanes'
import type { TimeMode } from './position'
import { ICON_PAUSE, ICON_PLAY, type Parts } from './template'

export interface Standing {
  readonly position: number
  readonly duration: number
  readonly axis: Axis | null
  /** Which of the two clocks is meant by a bare `HH:MM:SS`; it is set in bold. */
  readonly mode: TimeMode
}

export function showPosition(parts: Parts, standing: Standing): void {
  const { scrub, cursor, clock, offset } = parts
  const { position, duration, axis, mode } = standing
  placeRange(cursor, position, position, duration)
  cursor.style.width = ''
  offset.textContent = `${formatClock(position)} / ${formatClock(duration, 0)}`
  clock.textContent = axis === null ? '' : formatInstant(axis.instantAt(position), 3)
  clock.classList.toggle('minor', mode === 'offset')
  offset.classList.toggle('minor', mode === 'clock')
  scrub.setAttribute('aria-valuenow', position.toFixed(3))
}

/** Show which frame is on the screen and when exactly it is shown; hide all that where no frames are known. */
export function showFrame(parts: Parts, frame: Frame | null, count: number | null, confirmed: boolean): void {
  const { frameNow } = parts
  frameNow.dataset.number = frame ? String(frame.number) : ''
  frameNow.dataset.confirmed = String(frame !== null && confirmed)
  frameNow.textContent = frame ? `${frame.number} / ${count ?? '—'} · ${formatMicros(frame.micros)}` : '—'
}

export function showPlay(parts: Parts, name: string): void {
  parts.play.innerHTML = parts.video.paused ? ICON_PLAY : ICON_PAUSE
  nameIt(parts.play, name)
}

/** Give a part its accessible name; buttons show it as a tooltip too. */
export function nameIt(part: HTMLElement, name: string): void {
  part.setAttribute('aria-label', name)
  if (part.tagName === 'BUTTON') part.title = name
}
