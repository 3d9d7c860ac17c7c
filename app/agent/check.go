package agent

import (
	"net/http"
	"slices"
	"strings"
)

// check is one question that a request must answer, before anything is done
// with it. Nil: it may go on.
type check func(*http.Request) *refusal

// checks are asked in this order; the first that refuses answers.
func (h *Host) checks() []check {
	return []check{h.checkHost, checkTarget, checkRoute, h.checkOrigin, checkCrossOrigin(), checkBody}
}

// checkHost refuses whoever calls us by another name: a page whose own name was
// pointed at this computer, or one that tries another spelling of it.
func (h *Host) checkHost(r *http.Request) *refusal {
	if r.ProtoMajor != 1 || r.ProtoMinor != 1 {
		return errVersion
	}
	if !h.listen.isHost(r.Host) {
		return errHost
	}
	return nil
}

// checkTarget refuses every target that two programs could read differently: one
// with a host in it, and a path with empty or dotted parts, or escaped bytes
// beyond the two that a name may hold.
func checkTarget(r *http.Request) *refusal {
	target, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(target, "/") {
		if r.Method == http.MethodConnect || r.Method == http.MethodOptions {
			return errMethod
		}
		return errTarget
	}
	if !isPlain(target) {
		return errNoRoute
	}
	return nil
}

// isPlain says that a path has one reading only.
func isPlain(path string) bool {
	if path == "/" {
		return true
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" || strings.HasSuffix(part, ".") {
			return false
		}
		part = strings.NewReplacer("%2B", "+", "%2b", "+", "%3D", "=", "%3d", "=").Replace(part)
		if strings.IndexFunc(part, func(c rune) bool { return !isNameByte(c) }) >= 0 {
			return false
		}
	}
	return true
}

func isNameByte(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_=+.-", c)
}

// checkOrigin refuses what another page sends. Browsers say where a request
// comes from; one that does not must at least name our origin for a change.
func (h *Host) checkOrigin(r *http.Request) *refusal {
	if len(r.Header.Values("Service-Worker")) > 0 || len(r.Header.Values("Upgrade")) > 0 {
		return errForeign
	}
	if isHandover(r) {
		return h.checkHandover(r)
	}
	origins, sites := r.Header.Values("Origin"), r.Header.Values("Sec-Fetch-Site")
	if len(origins) > 1 || len(sites) > 1 {
		return errForeign
	}
	if len(origins) == 1 && !h.listen.isOrigin(origins[0]) {
		return errForeign
	}
	switch {
	case len(sites) == 0:
		if (isUnsafe(r.Method) || wantsStream(r)) && len(origins) == 0 {
			return errForeign
		}
	case sites[0] == "same-origin":
	case sites[0] == "none" && r.Method == http.MethodGet && isStatic(r.URL.Path):
	default:
		return errForeign
	}
	return nil
}

// checkHandover is checkOrigin for the form in the person's own file, which
// belongs to no origin: all that may come of it is a session for who has a code.
func (h *Host) checkHandover(r *http.Request) *refusal {
	origins, sites := r.Header.Values("Origin"), r.Header.Values("Sec-Fetch-Site")
	if len(origins) > 1 || len(sites) > 1 {
		return errForeign
	}
	if len(origins) == 1 && origins[0] != "null" && !h.listen.isOrigin(origins[0]) {
		return errForeign
	}
	if len(sites) == 1 && sites[0] == "same-site" {
		return errForeign
	}
	return nil
}

// checkCrossOrigin asks the standard library's opinion too. It is one layer, not
// the layer: it knows nothing of names pointed at this computer.
func checkCrossOrigin() check {
	std := http.NewCrossOriginProtection()
	return func(r *http.Request) *refusal {
		if !isHandover(r) && std.Check(r) != nil {
			return errForeign
		}
		return nil
	}
}

// checkBody refuses a change that a form or a simple script could send, one
// whose length is not known beforehand, and one that is longer than it need be.
func checkBody(r *http.Request) *refusal {
	if !isUnsafe(r.Method) {
		if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			return errBodyOnRead
		}
		return nil
	}
	want := "application/json"
	if isHandover(r) {
		want = formType
	}
	if !slices.Equal(r.Header.Values("Content-Type"), []string{want}) {
		return errType
	}
	if r.ContentLength < 0 || len(r.TransferEncoding) > 0 || r.ContentLength == 0 && len(r.Header.Values("Content-Length")) == 0 {
		return errLength
	}
	if r.ContentLength > maxBody(r) {
		return errTooLarge
	}
	return nil
}

// The longest body of a request, in bytes: of most, of those that carry a list
// or all settings, and of those that carry a configuration.
const (
	smallBody  = 1 << 10
	listBody   = 16 << 10
	configBody = 256 << 10
)

// maxBody is the longest body of a request.
func maxBody(r *http.Request) int64 {
	switch path := r.URL.Path; {
	case r.Method == http.MethodPost && (path == "/api/v1/tunnels" || path == "/api/v1/tunnels/check"),
		r.Method == http.MethodPut && strings.HasPrefix(path, "/api/v1/tunnels/"):
		return configBody
	case r.Method == http.MethodPut && strings.HasPrefix(path, "/api/v1/groups/"), path == "/api/v1/settings":
		return listBody
	}
	return smallBody
}

func isUnsafe(method string) bool { return method != http.MethodGet }
