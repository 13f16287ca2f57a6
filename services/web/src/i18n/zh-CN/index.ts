import archive from './archive'
import desk from './desk'
import pages from './pages'
import player from './player'
import problems from './problems'
import shell from './shell'

export default { ...shell, ...archive, ...desk, ...pages, ...player, ...problems }
