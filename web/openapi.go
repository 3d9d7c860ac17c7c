package web

import (
	_ "embed"
	"net/http"
)

// openAPIDoc is made of Rules and of the types they name, by build/openapi.
//
//go:embed openapi.json
var openAPIDoc []byte

func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPIDoc)
	return nil
}
