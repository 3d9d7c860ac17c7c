package failover

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Bounds of the setting check_pages.
const mostPages, longestPage = 5, 200

var errPages = errors.New("1 to 5 addresses such as http://example.net/generate_204 with a space between, of pages that answer 204; not https, which no sign-in page can answer")

func pagesSetting() Setting {
	return Setting{
		Key:  "check_pages",
		Help: "The pages that third_party_checks asks: 1 to 5 http addresses with a space between, each of which answers 204 and nothing more.",
		get:  func(p *Policy) string { return p.CheckPages },
		set: func(p *Policy, value string) error {
			pages := strings.Fields(value)
			if len(pages) == 0 || len(pages) > mostPages || slices.ContainsFunc(pages, isNoPage) {
				return errPages
			}
			p.CheckPages = strings.Join(pages, " ")
			return nil
		},
	}
}

// isNoPage says that an address is not that of a page to ask without a
// connection that a sign-in page could not answer, or a secret to give away.
func isNoPage(page string) bool {
	u, err := url.Parse(page)
	return err != nil || len(page) > longestPage || u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		strings.Contains(page, "#")
}
