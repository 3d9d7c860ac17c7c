package main

import "os"

// privateFolder is where a text with keys may lie for a while: the folder for
// temporary files, which is each person's own.
func privateFolder(string) string { return os.TempDir() }
