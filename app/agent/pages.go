package agent

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"

	"holdfast/web/dist"
)

// marker is the place in index.html for the token of a session.
const marker = "<!--session-->"

// pages are the files of the page, as they are served. They say how to open the
// page and hold nothing of the person's.
type pages struct {
	first, last string // index.html, before and after the marker
	files       map[string]asset
}

// asset is one file.
type asset struct {
	body  []byte
	kind  string // the content type
	etag  string
	cache string
}

// types are the content types of what the page is made of. A file of any other
// kind is not served.
var types = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".ico":   "image/x-icon",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// hashed is the name of a file that says what is in it, as esbuild writes them.
var hashed = regexp.MustCompile(`-[A-Z2-7]{8}\.[a-z0-9]+$`)

// loadPages reads the page that this program carries.
func loadPages() (*pages, error) { return readPages(dist.Files) }

func readPages(from fs.FS) (*pages, error) {
	p := &pages{files: map[string]asset{}}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if name == "index.html" {
			var found bool
			if p.first, p.last, found = strings.Cut(string(body), marker); !found {
				return errors.New("index.html has no place for the session")
			}
			return nil
		}
		if kind, known := types[path.Ext(name)]; known {
			p.files["/"+name] = newAsset(name, kind, body)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	return p, nil
}

func newAsset(name, kind string, body []byte) asset {
	sum := sha256.Sum256(body)
	a := asset{body: body, kind: kind, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, cache: "no-cache"}
	if hashed.MatchString(name) {
		a.cache = "max-age=31536000, immutable"
	}
	return a
}

// index writes the page, with the token of a session; "": without one.
func (p *pages) index(w http.ResponseWriter, status int, token string) {
	h := w.Header()
	h.Set("Content-Type", types[".html"])
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	meta := ""
	if token != "" {
		meta = `<meta name="holdfast-session" content="` + token + `">`
	}
	_, _ = w.Write([]byte(p.first + meta + p.last))
}

// ServeHTTP serves the page and its files.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		p.index(w, http.StatusOK, "")
		return
	}
	a, there := p.files[r.URL.Path]
	if !there {
		errNoRoute.write(w)
		return
	}
	h := w.Header()
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", a.cache)
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.kind)
	_, _ = w.Write(a.body)
}
