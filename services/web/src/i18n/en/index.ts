import archive from './archive'
import pages from './pages'
import player from './player'
import problems from './problems'
import shell from './shell'

export default { ...shell, ...archive, ...pages, ...player, ...problems }
