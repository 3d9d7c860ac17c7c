package netcfg

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The kernel's reverse path filter drops a packet whose sender it would not
// answer by the same interface (1, strict), or not at all (2, loose). It looks
// up the way back without the mark: for what servers answer to our marked
// packets that is the way into the tunnel, or, without one, an unreachable
// route. So it is made loose for a tunnel that carries all of IPv4, and is off
// while nothing does.
const (
	allRPFilter = "ipv4/conf/all/rp_filter"
	filterOff   = "0"
	filterTight = "1"
	filterLoose = "2"
)

// isFilter says that a kernel setting is a reverse path filter's.
func isFilter(setting string) bool { return path.Base(setting) == "rp_filter" }

// filters returns the filters' settings: that for all interfaces, and each
// interface's own. The larger of its own and that for all counts. That for new
// ones is not among them: what an interface took from it could not be put back.
func filters() (out []string) {
	files, err := filepath.Glob(sysctlRoot + "ipv4/conf/*/rp_filter")
	if err != nil {
		return nil
	}
	for _, f := range files {
		if f = strings.TrimPrefix(f, sysctlRoot); path.Base(path.Dir(f)) != "default" {
			out = append(out, f)
		}
	}
	return out
}

// passReplies lets the filter go as far as the plan needs, before its routes
// come. What was let go further is left to settleFilters.
func (m *Manager) passReplies(p *plan) {
	if !p.leads(false) {
		return
	}
	m.pass(srcValidMark, "1")
	if p.carries() {
		if isStrict(readSysctl) {
			m.pass(allRPFilter, filterLoose)
		}
		return
	}
	for _, f := range filters() {
		if now, err := readSysctl(f); err == nil && now != filterOff {
			m.pass(f, filterOff)
		}
	}
}

// settleFilters is for when the plan's routes are in force, before the filters
// are put back which it needs no more.
func (m *Manager) settleFilters(p *plan) {
	if m.needsFilter(p, allRPFilter) && p.carries() {
		m.pass(allRPFilter, filterLoose)
	}
}

// needsFilter says that a filter which we changed must stay so.
func (m *Manager) needsFilter(p *plan, setting string) bool {
	switch {
	case !p.leads(false):
		return false
	case p.carries():
		return setting == allRPFilter && isStrict(m.before)
	default:
		return true
	}
}

// before reads a kernel setting as it was before we changed it.
func (m *Manager) before(setting string) (string, error) {
	for _, s := range m.journal.Sysctls {
		if s.Path == setting {
			return s.Before, nil
		}
	}
	return readSysctl(setting)
}

// isStrict says that some interface's filter is, by settings that are read so.
func isStrict(read func(setting string) (string, error)) bool {
	if all, err := read(allRPFilter); err != nil || all == filterLoose {
		return false
	}
	return slices.ContainsFunc(filters(), func(f string) bool {
		v, err := read(f)
		return err == nil && v == filterTight
	})
}

// pass changes a setting without which the filter may drop answers.
func (m *Manager) pass(setting, value string) {
	if err := m.setSysctl(setting, value); err != nil {
		m.Log.Warn("the reverse path filter may drop answers of servers", "err", err)
	}
}
