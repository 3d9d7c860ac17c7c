package probe

import "holdfast/service/underlay"

// resolvConf: no file of this system names its name servers.
const resolvConf = ""

// otherConf: no other file does.
const otherConf = ""

// tellServers has nothing to do: the table tells.
func tellServers(*underlay.Table) error { return nil }
