import 'element-plus/es/components/message/style/css'
import './styles/theme.css'
import './styles/base.css'
import { createApp } from 'vue'
import { forget } from './session/session'
import { whenSignedOut } from './api/http'
import App from './App.vue'
import { defineTimeline } from './elements/timeline/element'
import { definePlayer } from './elements/player/element'
import { i18n, speak } from './i18n'
import { router, toLogin } from './router'

definePlayer()
defineTimeline()
speak()
whenSignedOut(() => {
  forget()
  void router.replace(toLogin(router.currentRoute.value))
})
createApp(App).use(i18n).use(router).mount('#app')
