/** Play the channels of a session in step: the one with the controls, and up to three beside it. */

import { computed, onBeforeUnmount, onMounted, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import { channelKey, type Session, type SessionChannel } from '../api/sessions'
import { partOf, positionAt, type ChannelTime } from '../elements/wall/channel'
import { EVERY_MS, InStep, type Part } from '../elements/wall/instep'
import { secondsOf } from '../words/seconds'
import { instantOf } from '../words/time'

/** More than four pictures at full rate are too much for the machines that people have. */
const MOST_BESIDE = 3

export interface Wall {
  readonly beside: ComputedRef<readonly SessionChannel[]>
  /** Channels that have something to show at the moment. */
  readonly covered: Ref<ReadonlySet<string>>
  readonly heard: Ref<string>
  /** Whether measured lags are made up for. */
  readonly aligned: Ref<boolean>
  join(channel: string, video: HTMLVideoElement, time: ChannelTime): void
  hear(channel: string): void
  setSpeed(speed: number): void
}

/** `main` is the channel with the controls, `time` what is known of its playlist. */
export function useWall(session: Ref<Session | null>, main: Ref<string>, moment: () => number | null): Wall {
  const joined = shallowRef<ReadonlyMap<string, { readonly video: HTMLVideoElement; readonly time: ChannelTime }>>(new Map())
  const covered = ref<ReadonlySet<string>>(new Set()) as Ref<ReadonlySet<string>>
  const heard = ref(main.value)
  const aligned = ref(true)
  const beside = computed(() => session.value?.channels.filter((one) => channelKey(one.channel) !== main.value).slice(0, MOST_BESIDE) ?? [])
  const origin = computed(() => instantOf(session.value?.started_at) ?? 0)
  let step = new InStep(main.value)
  let timer = 0

  const lagOf = (key: string): number => {
    const skew = session.value?.channels.find((one) => channelKey(one.channel) === key)?.skew
    return aligned.value ? (secondsOf(skew?.seconds) ?? 0) : 0
  }

  function regroup(): void {
    const keys = [main.value, ...beside.value.map((one) => channelKey(one.channel))]
    const parts = keys.flatMap((key): Part[] => {
      const one = joined.value.get(key)
      return one ? [partOf(key, one.video, one.time, origin.value, lagOf(key))] : []
    })
    step.use(parts)
    if (parts.some((part) => part.key === heard.value)) step.hear(heard.value)
  }

  function join(channel: string, video: HTMLVideoElement, time: ChannelTime): void {
    joined.value = new Map([...joined.value, [channel, { video, time }]])
    regroup()
  }

  function hear(channel: string): void {
    heard.value = channel
    step.hear(channel)
  }

  function tick(): void {
    step.tick()
    const now = moment()
    const shown = [...joined.value].filter(([key, { time }]) => now !== null && positionAt(time, origin.value, now + lagOf(key)) !== null).map(([key]) => key)
    if (shown.length !== covered.value.size || shown.some((key) => !covered.value.has(key))) covered.value = new Set(shown)
  }

  watch(main, (now) => {
    step = new InStep(now)
    joined.value = new Map() // every video is attached anew
    heard.value = now
  })
  watch(aligned, regroup)
  onMounted(() => (timer = window.setInterval(tick, EVERY_MS)))
  onBeforeUnmount(() => window.clearInterval(timer))
  return { beside, covered, heard, aligned, join, hear, setSpeed: (speed) => step.setSpeed(speed) }
}
