declare module 'hls.js/light' {
  export { default } from 'hls.js'
}

declare module '*.vue' {
  import type { DefineComponent } from 'vue'
  const component: DefineComponent
  export default component
}
