package web

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"holdfast/service/tunnel"
	"holdfast/web/api"
)

const maxID = 1<<63 - 1

// params reads the query of a request and keeps the first thing that is wrong.
type params struct {
	values url.Values
	err    error
}

// bad says what a parameter must be.
func (p *params) bad(name, want string) {
	if p.err == nil {
		p.err = refuse(api.Invalid, fmt.Sprintf("The parameter %s must be %s.", name, want), "")
	}
}

// only refuses parameters that are not named, and all but kind when they are
// there twice.
func (p *params) only(names ...string) {
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	for name, values := range p.values {
		switch {
		case !known[name]:
			p.bad(fmt.Sprintf("%q", name), "left out: it is not known")
		case len(values) > 1 && name != "kind":
			p.bad(name, "there once")
		}
	}
}

func (p *params) number(name string, def, low, high int64) int64 {
	text := p.values.Get(name)
	if text == "" {
		return def
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		p.bad(name, fmt.Sprintf("a number from %d to %d", low, high))
	}
	return n
}

func (p *params) time(name string) time.Time {
	text := p.values.Get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		p.bad(name, "a moment, as 2026-01-02T15:04:05Z")
	}
	return t.UTC()
}

func (p *params) duration(name string) time.Duration {
	text := p.values.Get(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		p.bad(name, "a duration, as 10s or 1m")
	}
	return d
}

func (p *params) name(name string) tunnel.Name {
	text := p.values.Get(name)
	if text == "" {
		return ""
	}
	n, err := tunnel.ParseName(text)
	if err != nil {
		p.bad(name, "a tunnel's name")
	}
	return n
}

func (p *params) yes(name string) bool {
	text := p.values.Get(name)
	if text == "" {
		return false
	}
	yes, err := strconv.ParseBool(text)
	if err != nil {
		p.bad(name, "true or false")
	}
	return yes
}
