/**
 * Play several videos of one moment in step.
 *
 * The conductor is the video that has the controls: what it does, the others do. The leader is the one that is
 * heard: ten times a second the others are brought to where it is, for an ear hears a jump that an eye forgives.
 */

import { correctionFor } from './correction'

export const EVERY_MS = 100

/** What is needed of a video. */
export interface Playable {
  currentTime: number
  playbackRate: number
  muted: boolean
  readonly paused: boolean
  readonly seeking: boolean
  readonly ended: boolean
  readonly readyState: number
  play(): Promise<void>
  pause(): void
}

export interface Part {
  readonly key: string
  readonly video: Playable
  /** Which moment, in seconds of the common axis, the video shows at one of its times. */
  momentOf(time: number): number
  /** At which of its times the video shows a moment; null where it has nothing to show then, and waits. */
  timeOf(moment: number): number | null
}

/** Enough is here to play on. Source: HTML, `HTMLMediaElement.HAVE_FUTURE_DATA`. */
const HAVE_FUTURE_DATA = 3
const SAME_PLACE_S = 0.01

export class InStep {
  private parts: readonly Part[] = []
  private heard = ''
  private speed = 1
  /** The one in front waits because another has nothing to show yet. */
  private held = false

  /** `conductor` is the key of the part with the controls. */
  constructor(private readonly conductor: string) {}

  use(parts: readonly Part[]): void {
    this.parts = parts
    this.hear(parts.some((part) => part.key === this.heard) ? this.heard : this.conductor)
  }

  /** Hear this part and no other; it leads from now on. */
  hear(key: string): void {
    this.heard = key
    for (const part of this.parts) part.video.muted = part.key !== key
  }

  get heardKey(): string {
    return this.heard
  }

  /** The common speed: what a person chose, without our corrections. */
  setSpeed(speed: number): void {
    this.speed = speed
    for (const part of this.parts) part.video.playbackRate = speed
  }

  /** Bring everybody to where the leader is. */
  tick(): void {
    const conductor = this.parts.find((part) => part.key === this.conductor)
    if (!conductor) return
    const moment = momentOf(conductor)
    const shown = this.parts.filter((part) => part === conductor || part.timeOf(moment) !== null)
    for (const part of this.parts) if (!shown.includes(part)) part.video.pause()
    const leader = shown.find((part) => part.key === this.heard) ?? conductor
    if (this.wait(conductor, shown)) return
    const playing = !conductor.video.paused
    for (const part of shown) {
      if (part !== conductor) follow(part, playing)
      // a paused conductor was put where it is by hand: then the others come to it
      const guide = playing ? leader : conductor
      if (part !== guide) this.correct(part, momentOf(guide), playing)
    }
    if (playing && leader.video.playbackRate !== this.speed) leader.video.playbackRate = this.speed
  }

  /** Hold the conductor while somebody has nothing to show yet; answers whether it is held. */
  private wait(conductor: Part, shown: readonly Part[]): boolean {
    const lacking = shown.some((part) => part !== conductor && (part.video.readyState < HAVE_FUTURE_DATA || part.video.seeking) && !part.video.ended)
    if (lacking && !conductor.video.paused) {
      this.held = true
      conductor.video.pause()
      for (const part of shown) part.video.pause()
    } else if (!lacking && this.held) {
      this.held = false
      play(conductor.video)
    }
    return this.held
  }

  private correct(part: Part, moment: number, playing: boolean): void {
    const { video } = part
    const wanted = part.timeOf(moment)
    if (video.seeking || wanted === null) return
    const error = video.currentTime - wanted
    if (!playing) {
      if (Math.abs(error) > SAME_PLACE_S) video.currentTime = wanted
      return
    }
    const { seek, factor } = correctionFor(error)
    if (seek) video.currentTime = wanted
    const rate = this.speed * factor
    if (video.playbackRate !== rate) video.playbackRate = rate
  }
}

/** The moment of the common axis that a part shows. */
function momentOf(part: Part): number {
  return part.momentOf(part.video.currentTime)
}

function follow(part: Part, playing: boolean): void {
  if (playing && part.video.paused && !part.video.ended) play(part.video)
  else if (!playing && !part.video.paused) part.video.pause()
}

function play(video: Playable): void {
  void video.play().catch(() => undefined) // a refusal shows as a video that stands still; the next tick asks again
}
