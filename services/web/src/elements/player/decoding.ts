/** Notice a browser that plays sound and time but cannot decode the picture. */

/** Time may run for so long before a picture must have appeared. */
const DECODE_GRACE_S = 1.5

export class DecodingWatch {
  private told = false
  private from = 0
  private expected = true

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly tell: () => void,
  ) {
    video.addEventListener('timeupdate', () => this.check())
  }

  /** Watch anew, for a recording that is played from `from` seconds on; one without pictures is never complained of. */
  restart(from: number, hasVideo: boolean): void {
    this.told = false
    this.from = from
    this.expected = hasVideo
  }

  private check(): void {
    const { video } = this
    if (!this.expected || this.told || video.currentTime < this.from + DECODE_GRACE_S) return
    if (video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 0) return
    this.told = true
    this.tell()
  }
}
