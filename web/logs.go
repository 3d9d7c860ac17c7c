package web

import (
	"net/http"

	"holdfast/web/api"
)

const (
	defaultLines = 200
	maxLines     = 10_000
)

func (s *server) logs(w http.ResponseWriter, r *http.Request) error {
	p := params{values: r.URL.Query()}
	p.only("lines", "follow")
	n := int(p.number("lines", defaultLines, 1, maxLines))
	follow := p.yes("follow")
	if p.err != nil {
		return p.err
	}
	lines, more, cancel := s.Logs.Tail(n)
	defer cancel()
	if !follow {
		return ok(w, api.Logs{Schema: api.Schema, Lines: append([]api.LogLine{}, lines...)})
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	for _, line := range lines {
		out.send("line", 0, line)
	}
	for out.err == nil {
		select {
		case line, going := <-more:
			if !going {
				return nil
			}
			out.send("line", 0, line)
		case <-out.beat.C:
			out.heartbeat()
		case <-out.left:
			return nil
		case <-s.Done:
			return nil
		}
	}
	return nil
}
