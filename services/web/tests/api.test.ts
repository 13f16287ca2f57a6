import { afterEach, describe, expect, it, vi } from 'vitest'
import { clipFactsOf, clipRangeOf } from '../src/api/clip'
import { secondsText } from '../src/words/seconds'
import { changeOf, mergeChange } from '../src/api/events'
import { address, Problem, send, setCsrfToken, whenSignedOut } from '../src/api/http'
import { metadataOf } from '../src/components/sending'

function answering(response: Response): ReturnType<typeof vi.fn<typeof fetch>> {
  const asked = vi.fn<typeof fetch>(() => Promise.resolve(response))
  vi.stubGlobal('fetch', asked)
  return asked
}

const problemAnswer = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers })

async function caught(promise: Promise<unknown>): Promise<Problem> {
  return promise.then(
    () => {
      throw new Error('nothing was refused')
    },
    (error: unknown) => error as Problem,
  )
}

afterEach(() => {
  vi.unstubAllGlobals()
  setCsrfToken('')
  whenSignedOut(() => undefined)
})

describe('asking', () => {
  it('builds addresses without empty values', () => {
    expect(address('/recordings', { q: '盗窃', kind: '', cursor: undefined, limit: 50 })).toBe('/api/v1/recordings?q=%E7%9B%97%E7%AA%83&limit=50')
  })

  it('carries the CSRF token on unsafe requests only', async () => {
    setCsrfToken('tok')
    const asked = answering(new Response('{}'))
    await send('/a')
    await send('/b', { method: 'POST', body: {} })

    const tokens = asked.mock.calls.map(([, options]) => new Headers(options!.headers).get('X-CSRF-Token'))
    expect(tokens).toEqual([null, 'tok'])
  })

  it('tells a problem by its code, with its fields and when to come again', async () => {
    answering(problemAnswer(503, { code: 'not-ready', detail: 'made', errors: [{ pointer: '/a', detail: 'b' }] }, { 'Retry-After': '3' }))
    const problem = await caught(send('/x'))

    expect(problem).toMatchObject({ code: 'not-ready', status: 503, detail: 'made', retryAfter: 3, fields: [{ pointer: '/a', detail: 'b' }] })
  })

  it('calls a page of a proxy unexpected', async () => {
    answering(problemAnswer(502, '<html>'))

    expect(await caught(send('/x'))).toMatchObject({ code: 'unexpected', status: 502 })
  })

  it('calls a broken line a network problem', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))

    expect(await caught(send('/x'))).toMatchObject({ code: 'network' })
  })

  it('tells the pages when the session has ended, but not when a login was refused', async () => {
    const ended = vi.fn()
    whenSignedOut(ended)
    answering(problemAnswer(401, { code: 'login-refused' }))
    await caught(send('/login', { method: 'POST', body: {} }))
    expect(ended).not.toHaveBeenCalled()

    answering(problemAnswer(401, { code: 'unauthenticated' }))
    await caught(send('/recordings'))
    expect(ended).toHaveBeenCalledOnce()
  })
})

describe('changes', () => {
  it('are merged into the row they name', () => {
    const rows = [{ id: 'a', state: 'receiving', size: 5 }, { id: 'b', state: 'stored', size: 6 }]

    expect(mergeChange(rows, { id: 'a', state: 'received' })).toEqual([{ id: 'a', state: 'received', size: 5 }, rows[1]])
  })

  it('of things that the list does not hold ask for the list again', () => {
    expect(mergeChange([{ id: 'a' }], { id: 'z' })).toBeNull()
  })

  it('that are not JSON, or name nothing, are passed over', () => {
    expect([changeOf('{'), changeOf('null'), changeOf('{"id":7}'), changeOf('{"id":"a"}')]).toEqual([null, null, null, { id: 'a' }])
  })
})

it('reads what a clip is from its headers', () => {
  const headers = new Headers({ 'Huisu-Clip-Range': '12.345000-45.678000', 'Huisu-Clip-Kind': 'encoded', 'Huisu-Clip-Frames': '375-475', 'Huisu-Clip-Copied': 'none' })

  expect(clipFactsOf(headers, 'fallback.mp4')).toEqual({ name: 'fallback.mp4', range: '12.345000-45.678000', kind: 'encoded', frames: '375-475', copied: 'none', gaps: null, size: null })
  expect(clipRangeOf(headers.get('Huisu-Clip-Range'))).toEqual({ start: 12.345, end: 45.678 })
  expect([clipRangeOf(null), clipRangeOf('5.0-2.0'), clipRangeOf('none'), clipRangeOf('1-2-3')]).toEqual([null, null, null, null])
})

it('writes seconds rounded down, and keeps what was printed', () => {
  expect([3.333333, 100 / 30, 2 / 3, 10, 0].map(secondsText)).toEqual(['3.333333', '3.333333', '0.666666', '10.000000', '0.000000'])
})

it('declares a file without its empty fields', () => {
  const file = { name: '讯问.mp4', type: '', lastModified: Date.parse('2026-11-21T06:00:00Z') }

  expect(metadataOf(file, { kind: 'interview', case: ' ', officer: '900001' })).toEqual({
    filename: '讯问.mp4',
    file_mtime: '2026-11-21T06:00:00.000Z',
    kind: 'interview',
    officer: '900001',
  })
})
