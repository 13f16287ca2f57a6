/**
 * Hear of changes as they happen: one event stream for all pages, polling while it is down.
 *
 * Browsers allow six connections to one server, so the pages share a single stream, open only
 * while some page listens.
 */

import { address } from './http'

export type Topic = 'upload' | 'recording' | 'job'
export type Change = Readonly<Record<string, unknown>> & { readonly id: string }

export interface Listener {
  readonly topics: readonly Topic[]
  onChange(topic: Topic, change: Change): void
  /** Called at a steady pace while the stream is down, and once when it has come back. */
  onRefresh(): void
  onConnection?(live: boolean): void
}

const TOPICS: readonly Topic[] = ['upload', 'recording', 'job']
const POLL_MS = 4_000
const REOPEN_MS = 30_000

const listeners = new Set<Listener>()
let stream: EventSource | null = null
let live = false
let pollTimer: number | undefined
let reopenTimer: number | undefined

/** Listen until the returned function is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener)
  listener.onConnection?.(live)
  if (listeners.size === 1) open()
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) close()
  }
}

function open(): void {
  window.clearTimeout(reopenTimer)
  stream?.close()
  stream = new EventSource(address('/events'))
  stream.onopen = () => setLive(true)
  stream.onerror = () => {
    setLive(false)
    // CONNECTING means that the browser tries again by itself; CLOSED means that it has given up
    if (stream?.readyState === EventSource.CLOSED) reopenTimer = window.setTimeout(open, REOPEN_MS)
  }
  for (const topic of TOPICS) stream.addEventListener(topic, (event) => tell(topic, event as MessageEvent<string>))
  startPolling()
}

function close(): void {
  window.clearTimeout(reopenTimer)
  window.clearInterval(pollTimer)
  pollTimer = undefined
  stream?.close()
  stream = null
  live = false
}

function setLive(now: boolean): void {
  if (now === live) return
  live = now
  for (const listener of listeners) {
    listener.onConnection?.(now)
    if (now) listener.onRefresh()
  }
  if (now) {
    window.clearInterval(pollTimer)
    pollTimer = undefined
  } else startPolling()
}

function startPolling(): void {
  pollTimer ??= window.setInterval(() => listeners.forEach((listener) => listener.onRefresh()), POLL_MS)
}

function tell(topic: Topic, event: MessageEvent<string>): void {
  const change = changeOf(event.data)
  if (!change) return
  for (const listener of listeners) if (listener.topics.includes(topic)) listener.onChange(topic, change)
}

/** Read one event's JSON; null when it names no thing. */
export function changeOf(text: string): Change | null {
  try {
    const value = JSON.parse(text) as Change | null
    return value && typeof value.id === 'string' ? value : null
  } catch {
    return null
  }
}

/**
 * Merge a change into a list by id. Answers null when the list does not hold the thing, so that the
 * page reads its list again.
 */
export function mergeChange<T extends { readonly id: string }>(items: readonly T[], change: Change): T[] | null {
  if (!items.some((item) => item.id === change.id)) return null
  return items.map((item) => (item.id === change.id ? { ...item, ...change } : item))
}
