package probe

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	"holdfast/service/diagnose"
)

const (
	// internetTimeout bounds the asking of all pages. Who has not answered by
	// then is silent.
	internetTimeout = 3 * time.Second
	// signInGrace is how long a page may still contradict one that was
	// answered by somebody else.
	signInGrace = time.Second
	// maxPages is the number of pages that are asked.
	maxPages = 8
)

// Internet asks pages that are known to answer with status 204 and nothing
// else, all at once, outside the tunnel, and returns within 3 s. Each is an
// address that begins with http://, for nobody could answer in the place of a
// secure page; of more than 8 the first are asked. Without pages
// nothing is asked, and Checked is false, as it is when ctx was cancelled before
// anything was found out.
//
// One page that answers as it should proves the internet open. Else one that
// is answered in another's manner, with content, a redirection or status 511,
// tells of a sign-in page. Statuses of failure could be the page's own: they
// tell of one only when two pages have them and none says otherwise. Redirections
// are not followed, a proxy is not used, and the answers are read to a small
// limit only. The clock is compared with the Date of the page that proved the
// internet open; who can forge that answer can forge the time.
func (o *Outside) Internet(ctx context.Context, pages []string) diagnose.Internet {
	if len(pages) == 0 {
		return diagnose.Internet{}
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, internetTimeout)
	defer cancel()
	start := time.Now()
	verdicts := make(chan verdict, 2*maxPages)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	asked := 0
	j := judgment{odd: map[string]bool{}}
	for _, page := range pages[:min(len(pages), maxPages)] {
		u, err := parsePage(page)
		if err != nil {
			j.err = err.Error()
			continue
		}
		for _, family := range families(u) {
			if o.begin(ctx, &all, func() {
				v := o.askPage(ctx, u, family)
				v.page = page
				verdicts <- v
			}) {
				asked++
			}
		}
	}
	var grace <-chan time.Time
	for ; asked > 0 && j.open == nil; asked-- {
		select {
		case v := <-verdicts:
			j.take(v)
			if j.signIn != nil && grace == nil {
				grace = time.After(signInGrace)
			}
		case <-grace:
			asked = 1
		}
	}
	out := j.internet()
	if out.Reach == diagnose.Silent && isCancelled(caller) {
		return diagnose.Internet{}
	}
	out.Took = time.Since(start)
	return out
}

// parsePage returns the address of a page that can be asked.
func parsePage(page string) (*url.URL, error) {
	u, err := url.Parse(page)
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	if u.Scheme != "http" || u.Hostname() == "" {
		return nil, fmt.Errorf("%.64q is no address of a page", page)
	}
	return u, nil
}

// families are the ones in which a page is asked: a name in both.
func families(u *url.URL) []string {
	a, err := netip.ParseAddr(u.Hostname())
	switch {
	case err != nil:
		return []string{"4", "6"}
	case a.Unmap().Is4():
		return []string{"4"}
	default:
		return []string{"6"}
	}
}

// judgment joins what the pages said.
type judgment struct {
	open, signIn *verdict
	odd          map[string]bool // pages that answered with a status of failure
	last         verdict         // of the pages in odd
	err          string          // what the last page failed with
}

func (j *judgment) take(v verdict) {
	switch v.kind {
	case openPage:
		j.open = &v
	case strangePage:
		if j.signIn == nil {
			j.signIn = &v
		}
	case oddPage:
		j.odd[v.page] = true
		j.last = v
		j.err = v.err.Error()
	case noPage:
		// The family that a page does not have says nothing of it.
		if v.err != nil {
			j.err = v.err.Error()
		}
	}
}

func (j *judgment) internet() diagnose.Internet {
	out := diagnose.Internet{Checked: true, Reach: diagnose.Silent, Err: j.err}
	switch {
	case j.open != nil:
		out.Reach, out.Via = diagnose.Open, j.open.page
		out.Ahead, out.TimeKnown = j.open.ahead, j.open.timeKnown
	case j.signIn != nil:
		out.Reach, out.Via = diagnose.SignIn, j.signIn.page
	case len(j.odd) > 1:
		out.Reach, out.Via = diagnose.SignIn, j.last.page
	}
	return out
}

// pageAddr returns where to ask a page in one family; the zero value where it
// has no address of that family.
func (o *Outside) pageAddr(ctx context.Context, u *url.URL, family string) (netip.AddrPort, error) {
	port, err := portOf(u)
	if err != nil {
		return netip.AddrPort{}, err
	}
	// What an earlier lookup said is good enough: the page itself will tell.
	addrs, err := o.Lookup(ctx, u.Hostname())
	for _, a := range addrs {
		if a.Is4() == (family == "4") {
			return netip.AddrPortFrom(a, port), nil
		}
	}
	if len(addrs) > 0 {
		err = nil
	}
	return netip.AddrPort{}, err
}

func portOf(u *url.URL) (uint16, error) {
	if u.Port() == "" {
		return 80, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return uint16(port), err
}
