package library

// OpenPlain is Open, with tunnels that lie on the disk as they are on every system.
func OpenPlain(dir string) (*Library, error) { return openWith(dir, vault{suffix: confSuffix}) }
