/** Keep the screen and its controls in step with the `<video>`. */

import type { Parts } from './template'
import { chosenRate } from './transport'

/** Slower is a step from frame to frame, which nobody chose as a speed. */
const SLOWEST = 0.25

export interface ScreenOwner {
  onLength(): void
  onPlay(): void
  onPosition(): void
  /** Somebody or something moved the video: what was played so far ends here. */
  onMoved(): void
  onClick(): void
}

export function wireScreen(parts: Parts, owner: ScreenOwner): void {
  const { video, cover, rate, mute } = parts
  video.addEventListener('loadeddata', () => {
    cover.textContent = ''
    video.removeAttribute('poster') // it shows another moment than the clock does
  })
  for (const known of ['loadedmetadata', 'durationchange']) video.addEventListener(known, () => owner.onLength())
  for (const moved of ['seeking', 'pause', 'ended']) video.addEventListener(moved, () => owner.onMoved())
  for (const changed of ['play', 'pause', 'ended']) video.addEventListener(changed, () => owner.onPlay())
  for (const shown of ['seeked', 'timeupdate']) video.addEventListener(shown, () => owner.onPosition())
  video.addEventListener('ratechange', () => {
    if (video.playbackRate >= SLOWEST) rate.textContent = `${chosenRate(video.playbackRate)}×`
  })
  video.addEventListener('volumechange', () => mute.setAttribute('aria-pressed', String(video.muted)))
  video.addEventListener('click', () => owner.onClick())
}
