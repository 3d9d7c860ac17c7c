package e2e

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// page answers in the router's namespace as the internet would, or as
// something that stands before it.
type page struct {
	mu     sync.Mutex
	status int // 0: it hangs up
	body   string
	asked  int
}

func (p *page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(p.status)
	_, _ = w.Write([]byte(p.body))
}

func (p *page) set(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *page) questions() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// pageAddr is where it answers: behind the client's gateway.
const pageAddr = "10.200.250.1"

// internet starts the page, which answers with nothing as it should.
func (w *world) internet() *page {
	w.t.Helper()
	w.sh("", "ip", "-n", w.router, "addr", "add", pageAddr+"/32", "dev", "lo")
	var l net.Listener
	w.inNamespace(w.router, func() (err error) {
		l, err = net.Listen("tcp4", pageAddr+":80")
		return err
	})
	p := &page{status: http.StatusNoContent}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) })
	w.t.Cleanup(func() { srv.Close(); serving.Wait() })
	return p
}
