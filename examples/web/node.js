import * as everywhere from './built/everywhere.js'
import { drive, line } from './driver.js'

await drive(everywhere, (what, value) => console.log(line(what, value)))
process.exit() // the timer that was cancelled would keep Node
