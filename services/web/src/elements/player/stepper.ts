/** Go from frame to frame, and be sure which one is on the screen. */

import { momentsIn, type Frame, type FrameTimes } from './frames'

/** How long one try may take: a seek may have to fetch and decode a whole group of pictures on a busy machine. */
const TRY_MS = 6_000

/** When a seek is over and another frame is there, the right one follows within this or not at all. */
const WRONG_MS = 250

/** A frame of 1/30 s lasts half a second so, long enough to stop on it. Chromium goes no slower. */
const CREEP = 0.0625
const CREEP_MS = 3_000

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
  private goal: number | null = null
  private creeping = false

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

  /** The time of the frame that is on its way to the screen, as it is printed; null when none is. */
  get aim(): number | null {
    return this.goal
  }

  /** Give up what is under way: somebody moved elsewhere. */
  cancel(): void {
    if (this.creeping) this.video.pause()
    this.turn += 1
    this.waiting = 0
    this.goal = null
  }

  /** Go one frame on or back from the one on the screen, or from the one on its way there; `held` is a key that repeats. */
  async step(by: 1 | -1, held = false): Promise<void> {
    if (!this.frames || (this.busy && held)) return
    this.waiting = Math.max(-MOST_WAITING, Math.min(MOST_WAITING, this.waiting + by))
    if (this.busy) return
    this.busy = true
    this.video.pause()
    try {
      await this.walk()
    } finally {
      this.busy = false
      this.waiting = 0
    }
  }

  /** Take the steps that wait; when somebody moved elsewhere meanwhile, those asked for since count from there. */
  private async walk(): Promise<void> {
    let current: Frame | null = null
    while (this.waiting !== 0) {
      const from: Frame | null = current ?? (await this.standing())
      const one = Math.sign(this.waiting)
      if (!from || one === 0) return
      this.waiting -= one
      current = await this.show(from.number + one)
    }
  }

  /** Show the frame that is on the screen at `position`, and no other; without its time, what the browser chooses. */
  async land(position: number): Promise<void> {
    this.cancel()
    const { turn } = this
    this.goal = position
    const frame = await this.frames?.frameAt(position).catch(() => null)
    if (turn !== this.turn) return
    if (frame) await this.show(frame.number)
    else {
      this.goal = null
      this.video.currentTime = Math.max(0, Math.min(position, this.durationOf() || position))
    }
  }

  /** Show frame `number`; answers the frame that it went to, null where there is none or somebody moved elsewhere. */
  private async show(number: number): Promise<Frame | null> {
    const { turn } = this
    const frame = await this.frames?.frame(number)
    if (!frame || turn !== this.turn) return null
    this.goal = frame.micros / 1e6
    for (const moment of momentsIn(frame, this.durationOf())) {
      const confirmed = await this.trySeek(frame, moment, turn)
      if (turn !== this.turn) return null
      if (!confirmed) continue
      this.goal = null
      this.onShown({ frame, confirmed })
      return frame
    }
    const confirmed = await this.creep(frame, turn)
    if (turn !== this.turn) return null
    this.goal = null
    this.onShown({ frame, confirmed })
    return frame
  }

  /**
   * The frame from which steps count: the one aimed at, whose move ends with this, else the one on the screen.
   *
   * Between the end of a seek and the browser's word on what it shows, the old frame is still the last one seen.
   */
  private async standing(): Promise<Frame | null> {
    const { goal, turn } = this
    const seen = goal !== null || this.video.seeking ? null : this.seen()
    const frame = seen ?? (await this.frames?.frameAt(goal ?? this.video.currentTime)) ?? null
    if (turn !== this.turn) return this.waiting === 0 ? null : this.standing()
    this.turn += 1
    this.goal = null
    return frame
  }

  /** Seek into the frame and wait until the browser tells which frame it has put on the screen. */
  private trySeek(frame: Frame, target: number, turn: number): Promise<boolean> {
    const { video } = this
    if (!('requestVideoFrameCallback' in video)) return this.trySeekUnseen(target)
    return this.untilShown(frame, turn, TRY_MS, (over) => {
      video.addEventListener('seeked', over, { once: true })
      video.currentTime = target
    })
  }

  /**
   * Show a frame that no seek shows: play as slowly as can be from within it, and stop at once.
   *
   * A seek shows the frame that lasts, by the durations of *coding*, until its target: of variable rate with B-frames
   * such a duration can cover frames that are shown later. Play goes by the times of showing.
   */
  private async creep(frame: Frame, turn: number): Promise<boolean> {
    const { video } = this
    if (!('requestVideoFrameCallback' in video)) return false
    const { playbackRate, volume } = video
    try {
      return await this.untilShown(frame, turn, CREEP_MS, () => {
        this.creeping = true
        video.playbackRate = CREEP
        video.volume = 0
        void video.play().catch(() => undefined) // a refusal shows as a frame that does not come
      })
    } finally {
      if (turn === this.turn) video.pause() // else it was paused for somebody who may have begun to play
      this.creeping = false
      video.playbackRate = playbackRate
      video.volume = volume
    }
  }

  /** Begin a move and wait until the frame is on the screen; `over` is told when the move has ended with another one. */
  private untilShown(frame: Frame, turn: number, patience: number, begin: (over: () => void) => void): Promise<boolean> {
    const { video } = this
    return new Promise((resolve) => {
      const finish = (shown: boolean): void => {
        video.cancelVideoFrameCallback(handle)
        window.clearTimeout(timer)
        resolve(shown)
      }
      const next: VideoFrameRequestCallback = (_now, shown) => {
        const number = this.frames?.frameNear(shown.mediaTime)?.number
        if (turn !== this.turn || number === frame.number) return finish(turn === this.turn)
        handle = video.requestVideoFrameCallback(next)
      }
      let timer = window.setTimeout(() => finish(false), patience)
      let handle = video.requestVideoFrameCallback(next)
      begin(() => {
        window.clearTimeout(timer)
        timer = window.setTimeout(() => finish(false), WRONG_MS)
      })
    })
  }

  /** Browsers that do not tell what they show can be moved, but not asked. */
  private async trySeekUnseen(target: number): Promise<boolean> {
    this.video.currentTime = target
    await new Promise((resolve) => this.video.addEventListener('seeked', resolve, { once: true }))
    return false
  }
}
