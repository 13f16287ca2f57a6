import archive from './archive'
import checks from './checks'
import custody from './custody'
import desk from './desk'
import events from './events'
import exported from './exports'
import pages from './pages'
import player from './player'
import problems from './problems'
import shell from './shell'

export default { ...shell, ...archive, ...checks, ...custody, ...desk, ...events, ...exported, ...pages, ...player, ...problems }
