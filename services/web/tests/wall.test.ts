import { describe, expect, it } from 'vitest'
import { correctionFor } from '../src/elements/wall/correction'
import { InStep, type Part, type Playable } from '../src/elements/wall/instep'

/** A video whose clock runs as the test lets it run. */
class Clock implements Playable {
  playbackRate = 1
  muted = false
  paused = true
  seeking = false
  ended = false
  readyState = 4
  seeks = 0
  private time = 0

  constructor(
    start = 0,
    private readonly drift = 1,
  ) {
    this.time = start
  }

  get currentTime(): number {
    return this.time
  }

  set currentTime(time: number) {
    this.time = time
    this.seeks += 1
  }

  async play(): Promise<void> {
    this.paused = false
  }

  pause(): void {
    this.paused = true
  }

  run(seconds: number): void {
    if (!this.paused) this.time += seconds * this.playbackRate * this.drift
  }
}

const part = (key: string, video: Playable, lag = 0, covers = (): boolean => true): Part => ({
  key,
  video,
  momentOf: (time) => time - lag,
  timeOf: (moment) => (covers() ? Math.max(0, moment + lag) : null),
})

function run(step: InStep, clocks: readonly Clock[], seconds: number): void {
  for (let passed = 0; passed < seconds; passed += 0.1) {
    for (const clock of clocks) clock.run(0.1)
    step.tick()
  }
}

describe('a correction', () => {
  it.each([
    [0.6, true, 1],
    [-0.6, true, 1],
    [0.02, false, 1],
    [0.5, false, 0.9],
    [-0.5, false, 1.1],
    [0.03, false, 0.94],
  ])('of %d s seeks: %s, speed times %d', (error, seek, factor) => {
    expect(correctionFor(error)).toEqual({ seek, factor })
  })
})

describe('videos in step', () => {
  it('come together by speed when they are a little apart, and stay', () => {
    const [front, side] = [new Clock(10), new Clock(10.4)]
    const step = new InStep('front')
    step.use([part('front', front), part('side', side)])
    void front.play()
    run(step, [front, side], 8)

    expect(Math.abs(front.currentTime - side.currentTime)).toBeLessThanOrEqual(0.021)
    expect(side.seeks).toBe(0)
    expect(front.playbackRate).toBe(1)
  })

  it('hold a clock that runs wrong', () => {
    const [front, side] = [new Clock(0), new Clock(0, 1.02)]
    const step = new InStep('front')
    step.use([part('front', front), part('side', side)])
    void front.play()
    run(step, [front, side], 30)

    expect(Math.abs(front.currentTime - side.currentTime)).toBeLessThanOrEqual(0.04)
  })

  it('jump together when they are far apart', () => {
    const [front, side] = [new Clock(100), new Clock(0)]
    const step = new InStep('front')
    step.use([part('front', front), part('side', side)])
    step.tick()

    expect([side.currentTime, side.seeks]).toEqual([100, 1])
  })

  it('keep a measured lag', () => {
    const [front, side] = [new Clock(5), new Clock(5)]
    const step = new InStep('front')
    step.use([part('front', front), part('side', side, 0.25)])
    void front.play()
    run(step, [front, side], 8)

    expect(side.currentTime - front.currentTime).toBeCloseTo(0.25, 1)
    expect(Math.abs(side.currentTime - front.currentTime - 0.25)).toBeLessThanOrEqual(0.021)
  })

  it('follow the one that is heard, and never change its speed', () => {
    const [front, side] = [new Clock(10.3), new Clock(10)]
    const step = new InStep('front')
    step.use([part('front', front), part('side', side)])
    step.hear('side')
    void front.play()
    const speeds = new Set<number>()
    for (let tick = 0; tick < 60; tick += 1) {
      run(step, [front, side], 0.1)
      speeds.add(side.playbackRate)
    }

    expect([front.muted, side.muted]).toEqual([true, false])
    expect([...speeds]).toEqual([1])
    expect(Math.abs(front.currentTime - side.currentTime)).toBeLessThanOrEqual(0.021)
  })

  it('pause, seek and change speed together', () => {
    const [front, side] = [new Clock(0), new Clock(0)]
    const step = new InStep('front')
    step.use([part('front', front), part('side', side)])
    void front.play()
    step.setSpeed(2)
    run(step, [front, side], 1)
    expect([side.paused, side.playbackRate]).toEqual([false, 2])
    front.pause()
    front.currentTime = 42
    step.tick()

    expect([side.paused, side.currentTime]).toEqual([true, 42])
  })

  it('wait for the one that has nothing to show yet, and go on with it', () => {
    const [front, side] = [new Clock(0), new Clock(0)]
    const step = new InStep('front')
    step.use([part('front', front), part('side', side)])
    void front.play()
    step.tick()
    side.readyState = 1
    step.tick()
    expect(front.paused).toBe(true)
    side.readyState = 4
    step.tick()

    expect([front.paused, side.paused]).toEqual([false, false])
  })

  it('do not wait for a channel in which nothing was recorded then', () => {
    const [front, side] = [new Clock(0), new Clock(0)]
    side.readyState = 0
    const step = new InStep('front')
    step.use([part('front', front), part('side', side, 0, () => false)])
    void front.play()
    run(step, [front, side], 1)

    expect([front.paused, side.paused]).toEqual([false, true])
  })
})
