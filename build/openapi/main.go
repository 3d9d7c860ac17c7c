// Command openapi writes the document that describes the API, web/openapi.json,
// from the rules of package web and from the Go types they name: their fields,
// their comments and the constants of their kinds. Run it at the root of the
// module:
//
//	go run ./build/openapi
//
// A test fails while the committed document is another one.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	doc, err := generate(".")
	if err == nil {
		err = os.WriteFile(filepath.Join("web", "openapi.json"), doc, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}
