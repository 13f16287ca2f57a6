/** Which pages a person's rights open, in the order of the navigation. */

import { may, person } from './session'

export const PAGES = ['cases', 'recordings', 'proposals', 'uploads', 'exports', 'checks', 'ledger'] as const
export type PageName = (typeof PAGES)[number]

/** The actions any of whose rights opens each page; names as in `GET /me`. */
const NEEDS: Readonly<Record<PageName, readonly string[]>> = {
  cases: ['case.see'],
  recordings: ['recording.see'],
  proposals: ['proposal.answer'],
  uploads: ['upload.see', 'upload.send'],
  exports: ['export.see'],
  checks: ['spotcheck.see'],
  ledger: ['ledger.see'],
}

/** Roles that begin with their uploads rather than with cases. */
const BEGIN_WITH_UPLOADS = ['officer', 'dock']

export function openPages(): PageName[] {
  return PAGES.filter((page) => NEEDS[page].some(may))
}

/** The page that a person sees first; null when their rights open none. */
export function firstPage(): PageName | null {
  const open = openPages()
  if (open.includes('uploads') && BEGIN_WITH_UPLOADS.includes(person.value?.role ?? '')) return 'uploads'
  return open[0] ?? null
}
