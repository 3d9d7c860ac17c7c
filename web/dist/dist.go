// Package dist is the page as it is served: what `go run ./build/page` makes of
// web/src and web/lib. All but this file is generated; a test in build/page
// fails where it is not what the sources give.
package dist

import "embed"

// Files are index.html, assets/ and words/. Their names are the paths they are
// served under.
//
//go:embed index.html assets words
var Files embed.FS
