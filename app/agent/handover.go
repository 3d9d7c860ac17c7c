package agent

import (
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// handoverPattern names the files that carry a code.
const handoverPattern = "open-*.html"

// handoverPage sends its code to the host by itself. It is no page of the host's:
// it is opened as a file, so that the code is in no address and no argument.
var handoverPage = template.Must(template.New("open").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>Holdfast</title>
<form method="post" action="{{.Action}}">
<input type="hidden" name="code" value="{{.Code}}">
<button>Open Holdfast</button>
</form>
<script>document.forms[0].submit()</script>
</html>
`))

// handovers are the files that carry a code and are still there. The zero value
// has none.
type handovers struct {
	mu     sync.Mutex
	closed bool
	timers map[string]*time.Timer // by path; each removes its file
}

// write puts a code into a file that only the person can read, until it is used
// or its time is over. Mint makes the code, and is told what to do when it is used.
func (f *handovers) write(dir, action string, mint func(used func()) string) (path string, err error) {
	file, err := os.CreateTemp(dir, handoverPattern) // with mode 0600
	if err != nil {
		return "", fmt.Errorf("make a file for the code: %w", err)
	}
	path = file.Name()
	f.watch(path)
	err = handoverPage.Execute(file, struct{ Action, Code string }{action, mint(func() { f.remove(path) })})
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		f.remove(path)
		return "", fmt.Errorf("write a file for the code: %w", err)
	}
	return path, nil
}

func (f *handovers) watch(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		_ = os.Remove(path)
		return
	}
	if f.timers == nil {
		f.timers = map[string]*time.Timer{}
	}
	f.timers[path] = time.AfterFunc(fileCodeLife, func() { f.remove(path) })
}

// remove takes a file back. It may be called again.
func (f *handovers) remove(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if timer, there := f.timers[path]; there {
		timer.Stop()
		delete(f.timers, path)
		_ = os.Remove(path)
	}
}

// close takes all files back, and each that is written later.
func (f *handovers) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for path, timer := range f.timers {
		timer.Stop()
		_ = os.Remove(path)
	}
	clear(f.timers)
}

// sweep removes what a host that was killed has left. Younger files may be
// another host's.
func (*handovers) sweep(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, handoverPattern)) // the pattern is well formed
	for _, path := range old {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > fileCodeLife {
			_ = os.Remove(path)
		}
	}
}

// fileURL is the address of a file.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if path[0] != '/' { // C:/…
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
