/**
 * `<evidence-player>`: play a recording, find a moment by typed time, step from frame to frame, choose a range.
 *
 * A custom element without a framework, so that other programs' pages can embed it. Set `labels` and
 * `commandLabels`, call `open(media)`, listen to its events:
 * `player-waiting` {retryAfter} · `player-attached` {playlist} · `player-failed` {problem} · `player-undecodable` ·
 * `player-range` {range} · `player-clip` {start, end} · `player-cite` and `player-still` {position, frame} ·
 * `player-gap` {gap} · `player-watched` {watched}.
 */

import type { Interval } from '../../words/intervals'
import { run, type CommandDesk } from './commands'
import { DecodingWatch } from './decoding'
import { wireFields } from './fields'
import { wireGaps } from './gaps'
import { commandFor } from './keyboard'
import type { Command } from './keys'
import { writeLabels } from './labels'
import { drawWatched } from './lanes'
import type { PlayerMedia } from './media'
import { ChosenRange, type Range } from './range'
import { FrameReadout } from './readout'
import { wireScreen } from './screen'
import { wireScrub } from './scrub'
import { attach } from './source'
import { Stepper } from './stepper'
import { STYLE } from './style'
import { findParts, TEMPLATE, type Parts } from './template'
import { Transport } from './transport'
import { View, type Viewed } from './view'
import { Watched } from './watched'

const WATCHED_EVERY_MS = 10_000

export class EvidencePlayer extends HTMLElement implements Viewed {
  labels: Readonly<Record<string, string>> = {}
  commandLabels: Readonly<Record<string, string>> = {}
  flagName: (kind: string) => string = (kind) => kind

  private readonly parts: Parts
  private readonly view: View
  private readonly transport: Transport
  private readonly stepper: Stepper
  private readonly readout: FrameReadout
  private readonly range: ChosenRange
  private readonly decoding: DecodingWatch
  private readonly desk: CommandDesk
  private detach: () => void = () => undefined
  private watched = new Watched()
  private watchedTimer = 0
  private readonly onKey = (event: KeyboardEvent): void => this.pressed(event)
  private readonly onResize = (): void => this.view.refreshSound()

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    root.innerHTML = `<style>${STYLE}</style>${TEMPLATE}`
    this.parts = findParts(root)
    const { parts } = this
    const duration = (): number => this.duration
    this.view = new View(parts, this)
    this.readout = new FrameReadout(parts, () => this.position)
    this.transport = new Transport(parts.video, duration, (time) => this.saw(time), (loop) => parts.preview.setAttribute('aria-pressed', String(loop !== null)))
    this.stepper = new Stepper(parts.video, duration, () => this.readout.frame, ({ frame, confirmed }) => this.readout.show(frame, confirmed))
    this.range = new ChosenRange(parts, (name) => this.label(name), duration, (range) => this.tell('player-range', { range }))
    this.decoding = new DecodingWatch(parts.video, () => this.tell('player-undecodable', {}))
    this.desk = this.makeDesk()
    this.wire(root)
  }

  connectedCallback(): void {
    document.addEventListener('keydown', this.onKey)
    window.addEventListener('resize', this.onResize)
    this.watchedTimer = window.setInterval(() => this.tellWatched(), WATCHED_EVERY_MS)
    this.refreshLabels()
  }

  disconnectedCallback(): void {
    document.removeEventListener('keydown', this.onKey)
    window.removeEventListener('resize', this.onResize)
    window.clearInterval(this.watchedTimer)
    this.tellWatched()
    this.stepper.use(null)
    this.detach()
  }

  /** The ranges played so far. */
  get watchedRanges(): readonly Interval[] {
    return this.watched.intervals
  }

  /** Where it stands: the time of the frame on the screen. */
  get position(): number {
    return this.transport.position()
  }

  /** The `<video>` inside, for those who play others in step with it. */
  get video(): HTMLVideoElement {
    return this.parts.video
  }

  /**
   * Seconds from the first frame. A proxy may end a little before its original does, and the last frames of
   * the original must stay in reach of a clip: the longer of both counts.
   */
  get duration(): number {
    const own = this.parts.video.duration
    const told = this.view.media.duration
    return Number.isFinite(own) && own > 0 ? Math.max(own, told) : told
  }

  /** Show another recording from its start, or from `media.startAt`; `keep` leaves the range and what was watched. */
  open(media: PlayerMedia, keep = false): void {
    this.detach()
    this.view.media = media
    this.transport.stopLoop()
    this.useFrames()
    if (!keep) {
      this.watched = new Watched()
      this.range.set(null, null)
    }
    this.decoding.restart(media.startAt ?? 0, media.hasVideo)
    if (media.axis === null) this.view.mode = 'offset'
    const { video, cover } = this.parts
    if (media.poster && media.startAt === null) video.poster = media.poster
    cover.textContent = this.label('loading')
    this.detach = attach(video, media, {
      onWaiting: (retryAfter) => this.tell('player-waiting', { retryAfter }),
      onAttached: (playlist) => this.tell('player-attached', { playlist }),
      onFailed: (problem) => {
        cover.textContent = ''
        this.tell('player-failed', { problem })
      },
    })
    if (media.startAt !== null) video.addEventListener('loadedmetadata', () => media === this.view.media && this.goTo(media.startAt!), { once: true })
    this.refresh()
    void this.view.loadStoryboard()
  }

  /** Give what may arrive after playing has begun. */
  amend(known: Partial<Pick<PlayerMedia, 'peaks' | 'flags' | 'duration' | 'storyboard' | 'frames' | 'axis' | 'gaps' | 'joints'>>): void {
    this.view.media = { ...this.view.media, ...known }
    if (known.frames !== undefined) this.useFrames()
    if (known.frames && this.parts.video.readyState >= 2) this.saw(this.position)
    this.refresh()
    if (known.storyboard) void this.view.loadStoryboard()
  }

  say(text: string): void {
    this.parts.cover.textContent = text
  }

  seek(position: number): void {
    this.parts.said.textContent = ''
    this.stepper.cancel()
    this.transport.seek(position)
  }

  /** Go to exactly the frame that is shown at `position`, where the frames are known. */
  goTo(position: number): void {
    this.parts.said.textContent = ''
    this.transport.stopLoop()
    void this.stepper.land(position).catch(() => undefined) // a tile that did not come is asked for with the next key
  }

  /** Choose `[start, end)`; null leaves that end open. */
  setRange(start: number | null, end: number | null): void {
    this.range.set(start, end)
  }

  /** Show beside the chosen range the one that a verbatim clip would have. */
  showSnap(snap: Range | null): void {
    this.range.showSnap(snap)
  }

  /** Do what a key would do. */
  do(command: Command): void {
    run(this.desk, command)
  }

  /** Write every label again: the language has changed. */
  refreshLabels(): void {
    writeLabels(this.shadowRoot!, this.parts, (name) => this.label(name), this.commandLabels)
    this.refresh()
  }

  label(name: string): string {
    return this.labels[name] ?? name
  }

  private makeDesk(): CommandDesk {
    const { parts, transport, stepper, range, view } = this
    const seen = (): unknown => ({ position: this.here(), frame: stepper.aim === null ? this.readout.frame : null })
    return {
      video: parts.video,
      transport,
      stepper,
      range,
      duration: () => this.duration,
      here: () => this.here(),
      atLast: () => this.readout.isLast,
      marks: () => view.marks(),
      goTo: (position) => this.goTo(position),
      complain: (label) => (parts.message.textContent = this.label(label)),
      clip: (start, end) => this.tell('player-clip', { start, end }),
      cite: () => this.tell('player-cite', seen()),
      still: () => this.tell('player-still', seen()),
      jump: () => parts.jumpField.select(),
      switchTime: () => view.switchTime() || (parts.message.textContent = this.label('noClock')),
      toggleFullscreen: () => {
        const change = document.fullscreenElement ? document.exitFullscreen() : parts.player.requestFullscreen()
        void change.catch(() => undefined) // the browser may refuse; nothing is lost
      },
      toggleKeys: () => {
        parts.overlay.hidden = !parts.overlay.hidden
        ;(parts.overlay.hidden ? parts.scrub : parts.keysField).focus()
      },
    }
  }

  private wire(root: ShadowRoot): void {
    const { parts, view } = this
    const { video } = parts
    root.addEventListener('click', (event) => {
      const command = (event.target as Element).closest<HTMLElement>('[data-do]')?.dataset.do
      if (command) this.do(command as Command)
    })
    wireScreen(parts, {
      onLength: () => this.refresh(),
      onPlay: () => view.refreshPlay(),
      onPosition: () => this.moved(),
      onMoved: () => this.watched.lift(),
      onClick: () => this.do('play-pause'),
    })
    wireGaps(video, () => view.media.gaps, (gap) => {
      parts.said.textContent = `${this.label('gapCrossed')} ${view.printed(gap[0])} – ${view.printed(gap[1])}`
      this.tell('player-gap', { gap })
    })
    wireScrub(parts, { tiles: () => view.tiles, duration: () => this.duration, print: (position) => view.printed(position), seek: (position) => this.seek(position) })
    wireFields(parts, {
      mode: () => view.mode,
      axis: () => view.media.axis,
      duration: () => this.duration,
      label: (name) => this.label(name),
      goTo: (position) => this.goTo(position),
      setIn: (position) => this.range.set(position, this.range.end),
      setOut: (position) => this.range.set(this.range.start, position),
    })
  }

  private pressed(event: KeyboardEvent): void {
    if (event.code === 'Escape' && !this.parts.overlay.hidden) return this.do('keys')
    const command = commandFor(this, event)
    if (!command) return
    event.preventDefault()
    run(this.desk, command, event.repeat)
  }

  private here(): number {
    const { frame } = this.readout
    return this.stepper.aim ?? (frame && !this.parts.video.seeking ? frame.micros / 1e6 : this.position)
  }

  private saw(time: number): void {
    this.readout.saw(time)
    if (this.parts.video.paused) this.view.refreshPosition()
  }

  private moved(): void {
    const { video, watched } = this.parts
    if (!video.paused && !video.seeking) this.watched.note(video.currentTime, video.playbackRate)
    drawWatched(watched, this.watched.intervals, this.duration)
    this.view.refreshPosition()
  }

  private useFrames(): void {
    this.stepper.use(this.view.media.frames)
    this.readout.use(this.view.media.frames)
  }

  private tellWatched(): void {
    if (this.watched.intervals.length > 0) this.tell('player-watched', { watched: this.watched.intervals })
  }

  private refresh(): void {
    this.view.refresh()
    this.range.show()
  }

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }))
  }
}

/** Make the element known to the browser, once. */
export function definePlayer(): void {
  if (!customElements.get('evidence-player')) customElements.define('evidence-player', EvidencePlayer)
}
