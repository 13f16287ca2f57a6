import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import type { Plugin } from 'vite'

/**
 * Addresses that libraries print in their own error texts. The built pages name no outside host
 * (`npm run check:addresses` proves it), so the texts keep their codes and lose the address.
 */
const OUTSIDE_ADDRESSES: ReadonlyArray<readonly [string | RegExp, string]> = [
  ['https://vuejs.org/error-reference/#runtime-', 'vue-runtime-'],
  ['https://aomedia.org/emsg/ID3', 'aomedia-emsg-id3'], // names a kind of event that our playlists never carry
  [/https?:\/\/(?:github\.com|gitlab\.com|element-plus\.org|vue-i18n\.intlify\.dev|router\.vuejs\.org|vuejs\.org|tus\.io)[^\s"'`)\\]*/g, ''],
]

function withoutOutsideAddresses(): Plugin {
  return {
    name: 'without-outside-addresses',
    apply: 'build',
    renderChunk(code) {
      let kept = code
      for (const [address, replacement] of OUTSIDE_ADDRESSES) kept = kept.replaceAll(address, replacement)
      return kept === code ? null : { code: kept, map: null }
    },
  }
}

export default defineConfig({
  base: '/',
  plugins: [
    vue({ template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith('evidence-') } } }),
    withoutOutsideAddresses(),
  ],
  define: {
    __VUE_OPTIONS_API__: 'true', // Element Plus' transitions are options components
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    __INTLIFY_JIT_COMPILATION__: 'true', // messages become syntax trees, never `new Function`: the CSP allows no eval
  },
  build: {
    target: 'chrome87', // browsers of the bureaus lag by years
    outDir: '../api/static/app',
    emptyOutDir: true,
    sourcemap: false,
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { '/api': process.env.HUISU_WEB_API ?? 'http://127.0.0.1:8080' } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
})
