/** Move a `<video>` as a review desk does, and know exactly where it stands. */

const RATES = [1, 1.5, 2, 4, 8, 16] as const
export const HOP_BACK_S = 2

/** While it plays, a shown frame's own time is believed as long as the clock of the video is this near to it. */
const FRAME_REACH_S = 0.5

/** Give the next speed of the ladder; the last one stays. */
export function nextRate(rate: number): number {
  return RATES.find((step) => step > rate + 0.01) ?? RATES[RATES.length - 1]!
}

/** Give the speed that a person chose: videos in step are a little faster or slower for a while. */
export function chosenRate(rate: number): number {
  return RATES.find((step) => Math.abs(rate / step - 1) < 0.11) ?? Number(rate.toFixed(2))
}

export interface Loop {
  readonly start: number
  readonly end: number
}

export class Transport {
  private frameTime: number | null = null
  private looped: Loop | null = null

  /** `onFrame` hears of every frame that is put on the screen, `onLoop` of the beginning and end of a preview. */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly durationOf: () => number,
    private readonly onFrame: (mediaTime: number) => void = () => undefined,
    private readonly onLoop: (loop: Loop | null) => void = () => undefined,
  ) {
    this.watchFrames()
    video.addEventListener('seeking', () => {
      // the new frame may be told before this is heard of; far from it only an old one can be
      if (this.frameTime !== null && Math.abs(video.currentTime - this.frameTime) >= FRAME_REACH_S) this.frameTime = null
    })
    video.addEventListener('timeupdate', () => this.turnBackAtEnd(video.currentTime))
    video.addEventListener('ended', () => this.turnBackAtEnd(Infinity))
  }

  /**
   * Give the time of the frame on the screen, where the browser tells it, else the video's clock.
   *
   * The clock runs on inside a frame, and a pause may stop it just before the frame that is already
   * shown; a range that starts "here" must start with what is seen.
   */
  position(): number {
    const now = this.video.currentTime
    const frame = this.frameTime
    return frame !== null && (this.video.paused || Math.abs(now - frame) < FRAME_REACH_S) ? frame : now
  }

  get loop(): Loop | null {
    return this.looped
  }

  playOrPause(): void {
    if (this.video.paused) this.play()
    else this.pause()
  }

  play(): void {
    this.stopLoop()
    this.start()
  }

  pause(): void {
    this.stopLoop()
    this.video.pause()
  }

  faster(): void {
    if (this.video.paused) {
      this.video.playbackRate = 1
      this.play()
    } else this.video.playbackRate = nextRate(this.video.playbackRate)
  }

  hopBack(): void {
    this.video.playbackRate = 1
    this.seek(this.video.currentTime - HOP_BACK_S)
  }

  seek(position: number): void {
    this.stopLoop()
    this.move(position)
  }

  /** Play `[start, end)` again and again, until something else is asked for. */
  preview(start: number, end: number): void {
    this.move(start)
    this.video.playbackRate = 1
    this.looped = { start, end }
    this.onLoop(this.looped)
    this.start()
  }

  stopLoop(): void {
    if (this.looped === null) return
    this.looped = null
    this.onLoop(null)
  }

  private start(): void {
    void this.video.play().catch(() => undefined) // a refusal shows as a paused player
  }

  private move(position: number): void {
    this.video.currentTime = Math.max(0, Math.min(position, this.durationOf() || position))
  }

  private turnBackAtEnd(position: number): void {
    const { looped, video } = this
    if (looped === null || video.seeking || position < looped.end) return
    this.move(looped.start)
    this.start()
  }

  private watchFrames(): void {
    const { video } = this
    if (!('requestVideoFrameCallback' in video)) return
    const next: VideoFrameRequestCallback = (_now, frame) => {
      this.frameTime = frame.mediaTime
      this.onFrame(frame.mediaTime)
      this.turnBackAtEnd(frame.mediaTime)
      video.requestVideoFrameCallback(next)
    }
    video.requestVideoFrameCallback(next)
  }
}
