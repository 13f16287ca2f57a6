/** Ask the archive, and turn whatever goes wrong into one kind of error with a stable code. */

const BASE = '/api/v1'

export interface ProblemField {
  readonly pointer?: string
  readonly detail?: string
}

/** What the archive answered instead of what was asked. `code` is stable, `detail` names the thing and both values. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly detail: string,
    readonly fields: readonly ProblemField[] = [],
    readonly retryAfter: number | null = null,
  ) {
    super(`${code}: ${detail}`)
    this.name = 'Problem'
  }
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly query?: Readonly<Record<string, string | number | undefined | null>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Let the request outlive the page, for the last watched ranges. */
  readonly keepalive?: boolean
}

let csrfToken = ''
let onSignedOut: () => void = () => undefined

/** Remember the token that unsafe requests carry. */
export function setCsrfToken(token: string): void {
  csrfToken = token
}

export function getCsrfToken(): string {
  return csrfToken
}

/** Name what happens when the session has ended while pages are open. */
export function whenSignedOut(action: () => void): void {
  onSignedOut = action
}

/** Build an address of the API; empty query values are left out, those that `path` has itself stay. */
export function address(path: string, query: Ask['query'] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '')
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString()
  return `${BASE}${path}${search ? `${path.includes('?') ? '&' : '?'}${search}` : ''}`
}

/** Send one request. Raises `Problem` for every answer that is not a success, and for no answer at all. */
export async function send(path: string, ask: Ask = {}): Promise<Response> {
  const method = ask.method ?? 'GET'
  const headers = new Headers(ask.headers)
  headers.set('Accept', 'application/json, application/problem+json;q=0.9, */*;q=0.5')
  if (method !== 'GET') headers.set('X-CSRF-Token', csrfToken)
  if (ask.body !== undefined) headers.set('Content-Type', 'application/json')
  let response: Response
  try {
    response = await fetch(address(path, ask.query), {
      method,
      headers,
      credentials: 'same-origin',
      body: ask.body === undefined ? undefined : JSON.stringify(ask.body),
      signal: ask.signal,
      keepalive: ask.keepalive,
    })
  } catch (error) {
    if (ask.signal?.aborted) throw error
    throw new Problem('network', 0, String(error))
  }
  if (response.ok) return response
  const problem = await problemOf(response)
  if (problem.status === 401 && path !== '/login') onSignedOut()
  throw problem
}

/** Send one request and read its JSON answer. */
export async function ask<T>(path: string, options: Ask = {}): Promise<T> {
  const response = await send(path, options)
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** Read an RFC 9457 answer; anything else (a proxy's page, an empty body) becomes code `unexpected`. */
export async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = retrySeconds(response.headers.get('Retry-After'))
  try {
    const body = (await response.json()) as Record<string, unknown>
    if (typeof body.code === 'string') {
      const detail = String(body.detail ?? body.title ?? '')
      const fields = Array.isArray(body.errors) ? (body.errors as ProblemField[]) : []
      return new Problem(body.code, response.status, detail, fields, retryAfter)
    }
  } catch {
    // not JSON: fall through to the answer's status line
  }
  return new Problem('unexpected', response.status, `${response.status} ${response.statusText}`.trim(), [], retryAfter)
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem('unexpected', 0, error instanceof Error ? error.message : String(error))
}

function retrySeconds(header: string | null): number | null {
  const seconds = Number(header)
  return header !== null && Number.isFinite(seconds) && seconds >= 0 ? seconds : null
}
