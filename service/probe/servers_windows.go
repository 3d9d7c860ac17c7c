package probe

// resolvConf: no file of this system names its name servers.
const resolvConf = ""
