/**
 * Bring a playlist to a `<video>`: wait while it is being made, then hand it to hls.js, or to the
 * browser itself where there are no media source extensions.
 */

import type Hls from 'hls.js'
import { asProblem, Problem, problemOf } from '../../api/http'
import { withViewing } from './joined'

export interface SourceWatcher {
  onWaiting(retryAfter: number): void
  onAttached(): void
  onFailed(problem: Problem): void
}

const NATIVE_TYPE = 'application/vnd.apple.mpegurl'
const DEFAULT_RETRY_S = 3

/** Say whether this browser can play what the archive makes: H.264 with AAC in fragmented MP4. */
export function canPlay(): boolean {
  const type = 'video/mp4; codecs="avc1.42E01E,mp4a.40.2"'
  if (typeof MediaSource !== 'undefined' && MediaSource.isTypeSupported(type)) return true
  return document.createElement('video').canPlayType(NATIVE_TYPE) !== ''
}

/** Attach `playlist` to `video`; the returned function ends it. */
export function attach(video: HTMLVideoElement, playlist: string, watcher: SourceWatcher): () => void {
  const ending = new AbortController()
  let hls: Hls | null = null
  const start = async (): Promise<void> => {
    if (!(await waitUntilReady(playlist, watcher, ending.signal))) return
    hls = await attachNow(video, playlist, watcher)
    if (ending.signal.aborted) hls?.destroy()
    else watcher.onAttached()
  }
  start().catch((error: unknown) => {
    if (!ending.signal.aborted) watcher.onFailed(asProblem(error))
  })
  return () => {
    ending.abort()
    hls?.destroy()
    video.removeAttribute('src')
    video.load()
  }
}

async function waitUntilReady(playlist: string, watcher: SourceWatcher, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    const response = await fetch(playlist, { credentials: 'same-origin', signal })
    if (response.ok) {
      await response.text()
      return true
    }
    const problem = await problemOf(response)
    if (problem.code !== 'not-ready') throw problem
    const retryAfter = Math.min(30, Math.max(1, problem.retryAfter ?? DEFAULT_RETRY_S))
    watcher.onWaiting(retryAfter)
    await pause(retryAfter * 1000, signal)
  }
  return false
}

async function attachNow(video: HTMLVideoElement, playlist: string, watcher: SourceWatcher): Promise<Hls | null> {
  const { default: HlsLight } = await import('hls.js/light')
  if (!HlsLight.isSupported()) {
    video.src = playlist
    return null
  }
  const viewing = new URL(playlist, location.href).searchParams.get('viewing')
  const hls = new HlsLight({
    enableWorker: true,
    backBufferLength: 60,
    maxBufferLength: 30,
    xhrSetup: (request, url) => request.open('GET', withViewing(url, location.href, viewing), true),
  })
  let recovered = false
  hls.on(HlsLight.Events.ERROR, (_event, data) => {
    if (!data.fatal) return
    if (data.type === HlsLight.ErrorTypes.MEDIA_ERROR && !recovered) {
      recovered = true
      hls.recoverMediaError()
      return
    }
    watcher.onFailed(new Problem('unexpected', data.response?.code ?? 0, `${data.type}: ${data.details}`))
  })
  hls.loadSource(playlist)
  hls.attachMedia(video)
  return hls
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      window.clearTimeout(timer)
      resolve()
    })
  })
}
