/** Go from frame to frame, and be sure which one is on the screen. */

import { middleOf, type Frame, type FrameTimes } from './frames'

/** How long one try may take: a seek may have to fetch and decode a whole group of pictures on a busy machine. */
const TRY_MS = 6_000

/** Where in a frame's time the tries seek to. */
const SHARES = [0.5, 0.3, 0.7] as const

/** Steps asked for while one is under way are kept up to so many; a held key waits for the picture instead. */
const MOST_WAITING = 12

export interface Shown {
  readonly frame: Frame
  /** The browser has said that it shows exactly this frame. */
  readonly confirmed: boolean
}

export class Stepper {
  private frames: FrameTimes | null = null
  private waiting = 0
  private busy = false
  private turn = 0

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly durationOf: () => number,
    /** The frame that the browser has said to show last. */
    private readonly seen: () => Frame | null,
    private readonly onShown: (shown: Shown) => void,
  ) {}

  /** Step through another recording; null where its frames are not known. */
  use(frames: FrameTimes | null): void {
    this.frames = frames
    this.cancel()
  }

  /** Give up what is under way: somebody moved elsewhere. */
  cancel(): void {
    this.turn += 1
    this.waiting = 0
  }

  /** Go one frame on or back from the one on the screen; `held` is a key that repeats. */
  async step(by: 1 | -1, held = false): Promise<void> {
    if (!this.frames || (this.busy && held)) return
    this.waiting = Math.max(-MOST_WAITING, Math.min(MOST_WAITING, this.waiting + by))
    if (this.busy) return
    this.busy = true
    this.video.pause()
    try {
      let current = await this.standing()
      while (current && this.waiting !== 0) {
        const one = Math.sign(this.waiting)
        this.waiting -= one
        current = await this.show(current.number + one)
      }
    } finally {
      this.busy = false
    }
  }

  /** Show the frame that is on the screen at `position`, and no other. */
  async land(position: number): Promise<void> {
    const frames = this.frames
    if (!frames) return
    const turn = ++this.turn
    const frame = await frames.frameAt(position)
    if (frame && turn === this.turn) await this.show(frame.number)
  }

  /** Show frame `number`; answers what is on the screen then, null if nothing could be confirmed. */
  async show(number: number): Promise<Frame | null> {
    const frames = this.frames
    const frame = await frames?.frame(number)
    if (!frames || !frame) return null
    const turn = this.turn
    for (const share of SHARES) {
      const confirmed = await this.trySeek(frame, share, turn)
      if (turn !== this.turn) return null
      if (!confirmed) continue
      this.onShown({ frame, confirmed })
      return frame
    }
    this.onShown({ frame, confirmed: false })
    return frame
  }

  /** The frame on the screen; while the video is on its way elsewhere, the one it will come to. */
  private async standing(): Promise<Frame | null> {
    const seen = this.video.seeking ? null : this.seen()
    return seen ?? (await this.frames?.frameAt(this.video.currentTime)) ?? null
  }

  /** Seek into the frame and wait until the browser tells which frame it has put on the screen. */
  private trySeek(frame: Frame, share: number, turn: number): Promise<boolean> {
    const { video } = this
    const target = middleOf(frame, this.durationOf(), share)
    if (!('requestVideoFrameCallback' in video)) return this.trySeekUnseen(target)
    return new Promise((resolve) => {
      const finish = (confirmed: boolean): void => {
        video.cancelVideoFrameCallback(handle)
        window.clearTimeout(timer)
        resolve(confirmed)
      }
      const next: VideoFrameRequestCallback = (_now, shown) => {
        if (turn !== this.turn) return finish(false)
        if (this.frames?.frameNear(shown.mediaTime)?.number === frame.number) return finish(true)
        handle = video.requestVideoFrameCallback(next)
      }
      const timer = window.setTimeout(() => finish(false), TRY_MS)
      let handle = video.requestVideoFrameCallback(next)
      video.currentTime = target
    })
  }

  /** Browsers that do not tell what they show can be moved, but not asked. */
  private async trySeekUnseen(target: number): Promise<boolean> {
    this.video.currentTime = target
    await new Promise((resolve) => this.video.addEventListener('seeked', resolve, { once: true }))
    return false
  }
}
