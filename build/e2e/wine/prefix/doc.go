// Package prefix makes a Windows of Wine's, in a folder of its own, for tests that run
// on Linux. It ends with the process that made it, however that ends.
package prefix
