/** Which page is at which address, and who is asked to log in first. */

import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteLocationRaw } from 'vue-router'
import { person, restore } from './session/session'
import { firstPage } from './session/pages'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/login', name: 'login', component: () => import('./pages/LoginPage.vue'), meta: { open: true } },
    { path: '/', name: 'home', component: () => import('./pages/HomePage.vue') },
    { path: '/uploads', name: 'uploads', component: () => import('./pages/UploadsPage.vue') },
    { path: '/cases', name: 'cases', component: () => import('./pages/CasesPage.vue') },
    { path: '/cases/:number', name: 'case', component: () => import('./pages/CasePage.vue'), props: true },
    { path: '/recordings', name: 'recordings', component: () => import('./pages/RecordingsPage.vue') },
    { path: '/recordings/:id', name: 'recording', component: () => import('./pages/RecordingPage.vue'), props: true },
    { path: '/recordings/:id/history', name: 'history', component: () => import('./pages/HistoryPage.vue'), props: true },
    { path: '/sessions/:id', name: 'session', component: () => import('./pages/SessionPage.vue'), props: true },
    { path: '/link-proposals', name: 'proposals', component: () => import('./pages/ProposalsPage.vue') },
    { path: '/spot-checks', name: 'checks', component: () => import('./pages/ChecksPage.vue') },
    { path: '/spot-checks/new', name: 'check-define', component: () => import('./pages/CheckDefinePage.vue') },
    { path: '/spot-checks/:id', name: 'check', component: () => import('./pages/CheckPage.vue'), props: true },
    { path: '/spot-checks/:id/items/:n', name: 'check-item', component: () => import('./pages/CheckItemPage.vue'), props: true },
    { path: '/exports', name: 'exports', component: () => import('./pages/ExportsPage.vue') },
    { path: '/exports/new', name: 'export-make', component: () => import('./pages/ExportMakePage.vue') },
    { path: '/exports/:id', name: 'export', component: () => import('./pages/ExportPage.vue'), props: true },
    { path: '/ledger', name: 'ledger', component: () => import('./pages/LedgerPage.vue') },
    { path: '/:rest(.*)*', name: 'missing', component: () => import('./pages/MissingPage.vue') },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : { top: 0 }),
})

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  const found = person.value ?? (await restore().catch(() => undefined))
  if (found === undefined) return true // the archive does not answer: the page says so
  if (found === null) return toLogin(to)
  if (to.name !== 'home') return true
  const first = firstPage()
  return first === null ? true : { name: first }
})

/** Come back to `wanted` after logging in. */
export function toLogin(wanted: RouteLocationNormalized): RouteLocationRaw {
  const back = wanted.meta.open || wanted.fullPath === '/' ? undefined : wanted.fullPath
  return { name: 'login', query: back ? { next: back } : {} }
}

/** Accept only addresses of these pages as a way back: a link must not lead elsewhere after a login. */
export function wayBack(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
}
