/** Draw what the player knows: lanes, clocks, sound. */

import { secondsOf } from '../../words/seconds'
import { formatClock, formatInstant } from '../../words/time'
import { showPlay, showPosition } from './display'
import { drawFlags, drawGaps } from './lanes'
import { NO_MEDIA, type PlayerMedia } from './media'
import { paintPeaks } from './peaks'
import type { TimeMode } from './position'
import { readStoryboard, type Tile } from './storyboard'
import type { Parts } from './template'

/** What the view asks of its player. */
export interface Viewed {
  readonly duration: number
  readonly position: number
  label(name: string): string
  flagName(kind: string): string
  goTo(position: number): void
}

export class View {
  media: PlayerMedia = NO_MEDIA
  mode: TimeMode = 'offset'
  /** The storyboard's pictures, once they are here. */
  tiles: readonly Tile[] = []

  constructor(
    private readonly parts: Parts,
    private readonly player: Viewed,
  ) {}

  refresh(): void {
    const { parts, media, player } = this
    const { duration } = player
    drawFlags(parts.flags, media.flags, duration, (kind) => player.flagName(kind), (position) => player.goTo(position))
    drawGaps(parts.gaps, media.gaps, media.joints, duration, player.label('gap'))
    parts.scrub.setAttribute('aria-valuemax', duration.toFixed(3))
    this.refreshSound()
    this.refreshPlay()
    this.refreshPosition()
  }

  async loadStoryboard(): Promise<void> {
    const address = this.media.storyboard
    this.tiles = []
    const tiles = address && (await readStoryboard(address))
    if (tiles && address === this.media.storyboard) this.tiles = tiles
  }

  refreshSound(): void {
    this.parts.sound.hidden = this.media.hasPeaks === false
    this.parts.noSound.hidden = this.media.peaks !== null
    paintPeaks(this.parts.peaks, this.media.peaks, this.player.duration, '#3f6594')
  }

  refreshPlay(): void {
    showPlay(this.parts, this.player.label(this.parts.video.paused ? 'play' : 'pause'))
  }

  refreshPosition(): void {
    const { position, duration } = this.player
    showPosition(this.parts, { position, duration, axis: this.media.axis, mode: this.mode })
    this.parts.scrub.setAttribute('aria-valuetext', this.printed(position))
  }

  /** Count in clock time, or in positions again; false where no clock is known. */
  switchTime(): boolean {
    if (this.media.axis === null) return false
    this.mode = this.mode === 'clock' ? 'offset' : 'clock'
    this.refreshPosition()
    return true
  }

  /** Positions of flags, gaps and joints. */
  marks(): number[] {
    const flags = this.media.flags.flatMap((flag) => secondsOf(flag.start) ?? [])
    return [...flags, ...this.media.gaps.map(([start]) => start), ...this.media.joints]
  }

  printed(position: number): string {
    const { axis } = this.media
    return this.mode === 'clock' && axis !== null ? formatInstant(axis.instantAt(position), 3) : formatClock(position)
  }
}
