/**
 * `<evidence-player>`: play a recording, find a moment by typed time, choose a range, ask for a clip.
 *
 * A custom element without a framework, so that other programs' pages can embed it. Set `labels` and
 * `commandLabels`, call `open(media)`, listen to its events:
 * `player-waiting` {retryAfter} · `player-attached` · `player-failed` {problem} · `player-undecodable` ·
 * `player-clip` {start, end} · `player-watched` {watched}.
 */

import { formatClock, formatInstant } from '../../words/time'
import { nameIt, showPlay, showPosition } from './display'
import { commandFor, keysAreOn, turnKeys } from './keyboard'
import { COMMANDS, keysOf, type Command } from './keys'
import { drawFlags, drawWatched } from './lanes'
import type { PlayerMedia } from './media'
import { paintPeaks } from './peaks'
import { parsePosition, type TimeMode } from './position'
import { ChosenRange } from './range'
import { attach } from './source'
import { parseStoryboard, type Tile } from './storyboard'
import { wireScrub } from './scrub'
import { STYLE } from './style'
import { findParts, TEMPLATE, type Parts } from './template'
import { Transport } from './transport'
import { Watched } from './watched'

const WATCHED_EVERY_MS = 10_000
/** Time may run for so long before a picture must have appeared. */
const DECODE_GRACE_S = 1.5
const NO_MEDIA: PlayerMedia = { playlist: '', storyboard: null, peaks: null, poster: null, origin: null, duration: 0, flags: [], hasVideo: true, startAt: null }

export class EvidencePlayer extends HTMLElement {
  labels: Readonly<Record<string, string>> = {}
  commandLabels: Readonly<Record<string, string>> = {}
  flagName: (kind: string) => string = (kind) => kind

  private readonly parts: Parts
  private readonly transport: Transport
  private readonly range: ChosenRange
  private media = NO_MEDIA
  private detach: () => void = () => undefined
  private watched = new Watched()
  private watchedTimer = 0
  private tiles: readonly Tile[] = []
  private mode: TimeMode = 'offset'
  private undecodableTold = false
  private readonly onKey = (event: KeyboardEvent): void => this.pressed(event)
  private readonly onResize = (): void => this.drawSound()

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    root.innerHTML = `<style>${STYLE}</style>${TEMPLATE}`
    this.parts = findParts(root)
    this.transport = new Transport(this.parts.video, () => this.duration)
    this.range = new ChosenRange(this.parts, (name) => this.label(name), () => this.duration)
    this.wireVideo()
    wireScrub(this.parts, {
      tiles: () => this.tiles,
      duration: () => this.duration,
      print: (position) => this.printed(position),
      seek: (position) => this.transport.seek(position),
    })
    this.wireFields(root)
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
    this.detach()
  }

  /** The ranges played so far. */
  get watchedRanges(): readonly (readonly [number, number])[] {
    return this.watched.intervals
  }

  /**
   * Seconds from the first frame. A proxy may end a little before its original does, and the last frames of
   * the original must stay in reach of a clip: the longer of both counts.
   */
  get duration(): number {
    const own = this.parts.video.duration
    return Number.isFinite(own) && own > 0 ? Math.max(own, this.media.duration) : this.media.duration
  }

  /** Show another recording from its start, or from `media.startAt`. */
  open(media: PlayerMedia): void {
    this.detach()
    this.media = media
    this.watched = new Watched()
    this.tiles = []
    this.undecodableTold = false
    this.range.set(null, null)
    this.mode = media.origin === null ? 'offset' : this.mode
    const { video, cover } = this.parts
    if (media.poster) video.poster = media.poster
    cover.textContent = this.label('loading')
    this.detach = attach(video, media.playlist, {
      onWaiting: (retryAfter) => this.tell('player-waiting', { retryAfter }),
      onAttached: () => this.tell('player-attached', {}),
      onFailed: (problem) => {
        cover.textContent = ''
        this.tell('player-failed', { problem })
      },
    })
    this.refresh()
    if (media.storyboard) void this.loadStoryboard(media.storyboard)
  }

  /** Give peaks, storyboard, flags and the catalogue's length, which may arrive after playing has begun. */
  amend(known: Partial<Pick<PlayerMedia, 'peaks' | 'flags' | 'duration' | 'storyboard'>>): void {
    this.media = { ...this.media, ...known }
    this.refresh()
    if (known.storyboard) void this.loadStoryboard(known.storyboard)
  }

  say(text: string): void {
    this.parts.cover.textContent = text
  }

  seek(position: number): void {
    this.transport.seek(position)
  }

  /** Choose `[start, end)`; null leaves that end open. */
  setRange(start: number | null, end: number | null): void {
    this.range.set(start, end)
  }

  /** Write every label again: the language has changed. */
  refreshLabels(): void {
    const root = this.shadowRoot!
    for (const part of root.querySelectorAll<HTMLElement>('[data-label]')) nameIt(part, this.label(part.dataset.label!))
    for (const part of root.querySelectorAll<HTMLElement>('[data-title]')) part.title = this.label(part.dataset.title!)
    for (const part of root.querySelectorAll<HTMLElement>('[data-text]')) part.textContent = this.label(part.dataset.text!)
    this.parts.jumpField.placeholder = this.label('jumpHint')
    this.parts.jumpField.title = this.label('jumpClockHint')
    const rows = COMMANDS.flatMap((command) => [made('dt', keysOf(command)), made('dd', this.commandLabels[command] ?? command)])
    this.parts.keyList.replaceChildren(...rows)
    this.refresh()
  }

  private wireVideo(): void {
    const { video, cover, rate } = this.parts
    video.addEventListener('loadedmetadata', () => {
      if (this.media.startAt !== null) this.transport.seek(this.media.startAt)
      this.refresh()
    })
    video.addEventListener('loadeddata', () => {
      cover.textContent = ''
      video.removeAttribute('poster') // it shows another moment than the clock does
    })
    video.addEventListener('durationchange', () => this.refresh())
    video.addEventListener('ratechange', () => (rate.textContent = `${video.playbackRate}×`))
    for (const moved of ['seeking', 'pause', 'ended']) video.addEventListener(moved, () => this.watched.lift())
    for (const changed of ['play', 'pause', 'ended']) video.addEventListener(changed, () => this.refreshPlay())
    for (const shown of ['seeked', 'timeupdate']) video.addEventListener(shown, () => this.refreshPosition())
    video.addEventListener('timeupdate', () => {
      if (!video.paused) this.watched.note(video.currentTime, video.playbackRate)
      drawWatched(this.parts.watched, this.watched.intervals, this.duration)
      this.checkDecoding()
    })
    video.addEventListener('click', () => this.run('play-pause'))
  }

  private wireFields(root: ShadowRoot): void {
    const { jumpField, inField, outField, keysField } = this.parts
    root.addEventListener('click', (event) => {
      const command = (event.target as Element).closest<HTMLElement>('[data-do]')?.dataset.do
      if (command) this.run(command as Command)
    })
    jumpField.addEventListener('keydown', (event) => {
      if (event.isComposing) return
      if (event.code === 'Enter' || event.code === 'NumpadEnter') this.jump()
      if (event.code === 'Escape') this.parts.scrub.focus()
    })
    inField.addEventListener('change', () => this.typed(inField, (position) => this.range.set(position, this.range.end)))
    outField.addEventListener('change', () => this.typed(outField, (position) => this.range.set(this.range.start, position)))
    keysField.checked = keysAreOn()
    keysField.addEventListener('change', () => turnKeys(keysField.checked))
  }

  private pressed(event: KeyboardEvent): void {
    if (event.code === 'Escape' && !this.parts.overlay.hidden) return this.run('keys')
    const command = commandFor(this, event)
    if (!command) return
    event.preventDefault()
    this.run(command)
  }

  private run(command: Command): void {
    const { video } = this.parts
    const here = (): number => this.transport.position()
    const does: Record<Command, () => void> = {
      'play-pause': () => this.transport.playOrPause(),
      faster: () => this.transport.faster(),
      'hop-back': () => this.transport.hopBack(),
      'back-5': () => this.transport.by(-5),
      'forward-5': () => this.transport.by(5),
      'back-1': () => this.transport.by(-1),
      'forward-1': () => this.transport.by(1),
      'to-start': () => this.transport.seek(0),
      'to-end': () => this.transport.seek(this.duration),
      'set-in': () => this.range.set(here(), this.range.end),
      'set-out': () => this.range.set(this.range.start, here()),
      'go-in': () => this.range.start !== null && this.transport.seek(this.range.start),
      'go-out': () => this.range.end !== null && this.transport.seek(this.range.end),
      preview: () => this.withRange((start, end) => this.transport.preview(start, end)),
      'clear-range': () => this.range.set(null, null),
      clip: () => this.withRange((start, end) => this.tell('player-clip', { start, end })),
      jump: () => this.focusJump(),
      'switch-time': () => this.switchTime(),
      mute: () => (video.muted = !video.muted),
      fullscreen: () => this.toggleFullscreen(),
      keys: () => this.toggleKeys(),
    }
    does[command]()
    this.parts.mute.setAttribute('aria-pressed', String(video.muted))
  }

  private withRange(act: (start: number, end: number) => void): void {
    const whole = this.range.whole
    if (whole) act(whole.start, whole.end)
    else this.parts.message.textContent = this.label('badRange')
  }

  private focusJump(): void {
    this.parts.jumpField.focus()
    this.parts.jumpField.select()
  }

  private jump(): void {
    this.typed(this.parts.jumpField, (position) => {
      if (position === null) return
      this.transport.seek(position)
      this.parts.jumpField.value = ''
      this.parts.scrub.focus()
    })
  }

  private typed(field: HTMLInputElement, act: (position: number | null) => void): void {
    const mode = field === this.parts.jumpField ? this.mode : 'offset'
    const position = parsePosition(field.value, mode, this.media.origin, this.duration)
    const wrong = position === null && field.value.trim() !== ''
    field.setAttribute('aria-invalid', String(wrong))
    this.parts.message.textContent = wrong ? this.label('badTime') : ''
    if (!wrong) act(position)
  }

  private switchTime(): void {
    if (this.media.origin === null) this.parts.message.textContent = this.label('noClock')
    else this.mode = this.mode === 'clock' ? 'offset' : 'clock'
    this.refreshPosition()
  }

  private toggleFullscreen(): void {
    const change = document.fullscreenElement ? document.exitFullscreen() : this.parts.player.requestFullscreen()
    void change.catch(() => undefined) // the browser may refuse; nothing is lost
  }

  private toggleKeys(): void {
    const { overlay, scrub, keysField } = this.parts
    overlay.hidden = !overlay.hidden
    ;(overlay.hidden ? scrub : keysField).focus()
  }

  private async loadStoryboard(address: string): Promise<void> {
    const response = await fetch(address, { credentials: 'same-origin' }).catch(() => null)
    if (response?.ok && address === this.media.storyboard) this.tiles = parseStoryboard(await response.text(), response.url)
  }

  /** Time that runs without a single picture means that the browser cannot decode it. */
  private checkDecoding(): void {
    const { video } = this.parts
    if (!this.media.hasVideo || this.undecodableTold || video.currentTime < (this.media.startAt ?? 0) + DECODE_GRACE_S) return
    if (video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 0) return
    this.undecodableTold = true
    this.tell('player-undecodable', {})
  }

  private tellWatched(): void {
    if (this.watched.intervals.length > 0) this.tell('player-watched', { watched: this.watched.intervals })
  }

  private refresh(): void {
    drawFlags(this.parts.flags, this.media.flags, this.duration, this.flagName)
    this.parts.scrub.setAttribute('aria-valuemax', this.duration.toFixed(3))
    this.range.show()
    this.drawSound()
    this.refreshPlay()
    this.refreshPosition()
  }

  private drawSound(): void {
    this.parts.noSound.hidden = this.media.peaks !== null
    paintPeaks(this.parts.peaks, this.media.peaks, this.duration, '#3f6594')
  }

  private refreshPlay(): void {
    showPlay(this.parts, this.label(this.parts.video.paused ? 'play' : 'pause'))
  }

  private refreshPosition(): void {
    const position = this.transport.position()
    showPosition(this.parts, { position, duration: this.duration, origin: this.media.origin, mode: this.mode })
    this.parts.scrub.setAttribute('aria-valuetext', this.printed(position))
  }

  private printed(position: number): string {
    return this.mode === 'clock' && this.media.origin !== null ? formatInstant(this.media.origin + position * 1000, 3) : formatClock(position)
  }

  private label(name: string): string {
    return this.labels[name] ?? name
  }

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }))
  }
}

function made(tag: string, text: string): HTMLElement {
  const element = document.createElement(tag)
  element.textContent = text
  return element
}

/** Make the element known to the browser, once. */
export function definePlayer(): void {
  if (!customElements.get('evidence-player')) customElements.define('evidence-player', EvidencePlayer)
}
