/** Tell which frame is on the screen, by number and exact time. */

import { showFrame } from './display'
import type { Frame, FrameTimes } from './frames'
import type { Parts } from './template'

export class FrameReadout {
  private frames: FrameTimes | null = null
  private current: Frame | null = null

  constructor(
    private readonly parts: Parts,
    private readonly positionOf: () => number,
  ) {}

  /** The frame on the screen, where the browser has confirmed it. */
  get frame(): Frame | null {
    return this.current
  }

  get isLast(): boolean {
    return this.current !== null && this.current.number + 1 === this.frames?.count
  }

  /** Tell frames of another recording; null hides the readout, and with it everything that needs exact frames. */
  use(frames: FrameTimes | null): void {
    this.frames = frames
    this.parts.frameRow.hidden = frames === null
    this.show(null, false)
  }

  show(frame: Frame | null, confirmed: boolean): void {
    this.current = confirmed ? frame : null
    showFrame(this.parts, frame, this.frames?.count ?? null, confirmed)
  }

  /** Hear of the frame that the browser has just put on the screen; its tile is read first if it is not here. */
  saw(time: number): void {
    const { frames } = this
    if (!frames) return
    const frame = frames.frameNear(time)
    this.show(frame, frame !== null)
    if (frame) return
    frames.prepare(time).then(
      () => frames === this.frames && this.positionOf() === time && this.show(frames.frameNear(time), true),
      () => undefined, // asked again with the next frame
    )
  }
}
