// Package msi holds tests of the installer of Windows that run on Linux: it is made
// as for a release, in two versions, the second one signed, and a Windows of Wine's
// is compared before and after it was installed, repaired, followed by the other
// version, and removed.
//
// The tests need what makes the installer (see build/package), wintun.dll by
// HOLDFAST_WINTUN, and wine64; they are skipped with a reason elsewhere. Wine has no
// driver for wintun and no filtering platform, and it does not tell a version that is
// removed that another one follows (UPGRADINGPRODUCTCODE). So it is not shown here
// that the guard stays shut meanwhile; installer/windows holds the conditions for it
// in a test of its own.
package msi
