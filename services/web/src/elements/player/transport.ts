/** Move a `<video>` as a review desk does, and know exactly where it stands. */

const RATES = [1, 1.5, 2, 4, 8, 16] as const
export const HOP_BACK_S = 2

/** A shown frame's own time is believed while the clock of the video is this near to it. */
const FRAME_REACH_S = 0.5

/** Give the next speed of the ladder; the last one stays. */
export function nextRate(rate: number): number {
  return RATES.find((step) => step > rate + 0.01) ?? RATES[RATES.length - 1]!
}

export class Transport {
  private frameTime: number | null = null
  private stopAt: number | null = null

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly durationOf: () => number,
  ) {
    this.watchFrames()
    video.addEventListener('seeking', () => (this.frameTime = null))
    video.addEventListener('timeupdate', () => this.stopAtEndOfPreview())
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
    return frame !== null && Math.abs(now - frame) < FRAME_REACH_S ? frame : now
  }

  playOrPause(): void {
    if (this.video.paused) this.play()
    else this.video.pause()
  }

  play(): void {
    this.stopAt = null
    void this.video.play().catch(() => undefined) // a refusal shows as a paused player
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

  by(seconds: number): void {
    this.seek(this.video.currentTime + seconds)
  }

  seek(position: number): void {
    this.stopAt = null
    this.video.currentTime = Math.max(0, Math.min(position, this.durationOf() || position))
  }

  /** Play `[start, end)` once. */
  preview(start: number, end: number): void {
    this.seek(start)
    this.video.playbackRate = 1
    this.play()
    this.stopAt = end
  }

  private stopAtEndOfPreview(): void {
    if (this.stopAt === null || this.video.currentTime < this.stopAt) return
    this.stopAt = null
    this.video.pause()
  }

  private watchFrames(): void {
    const { video } = this
    if (!('requestVideoFrameCallback' in video)) return
    const next: VideoFrameRequestCallback = (_now, frame) => {
      this.frameTime = frame.mediaTime
      video.requestVideoFrameCallback(next)
    }
    video.requestVideoFrameCallback(next)
  }
}
