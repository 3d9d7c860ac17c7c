package control

import (
	"os"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Role is what a caller may do, at most. The strings are logged: they never change.
type Role string

// The roles, each of which may do all that those before it may. The zero value
// is no role and may do nothing; use None.
const (
	None     Role = "none"
	Viewer   Role = "viewer"   // reads the overall state
	Operator Role = "operator" // reads everything but keys, wishes, configures
	Admin    Role = "admin"    // everything
)

const (
	// lookupAge is how long what the system said about a person's groups is
	// believed: a role that was taken away is gone after it.
	lookupAge = time.Minute
	// maxKnown bounds how many persons are remembered.
	maxKnown = 1024
)

// Roles gives persons their roles: root and the service's own user are
// administrators, members of some groups are operators, everybody else the system
// knows is a viewer. On Windows the caller's token decides instead. Use a pointer; it
// is safe for concurrent use.
type Roles struct {
	// Groups are the names, or the numbers, of the groups whose members are
	// operators. None: there are no operators. Where the system has no such
	// group it has no members.
	Groups []string

	mu    sync.Mutex
	known map[string]person

	lookup func(uid int) person // nil: the system's
	now    func() time.Time     // nil: time.Now
}

// person is what the system says about one.
type person struct {
	name    string
	gids    []string
	ours    []string // of Roles.Groups
	askedAt time.Time
}

// Role says what a peer may do now.
func (r *Roles) Role(p Peer) Role {
	if p.SID != "" {
		return p.token
	}
	switch {
	case p.UID < 0:
		return None
	case p.UID == 0 || p.UID == os.Geteuid():
		return Admin
	}
	who := r.person(p)
	for _, gid := range who.ours {
		if gid == strconv.Itoa(p.GID) || slices.Contains(who.gids, gid) {
			return Operator
		}
	}
	return Viewer
}

// Name is the peer's name for the log: the account's, or else the number.
func (r *Roles) Name(p Peer) string {
	if name := r.person(p).name; name != "" {
		return name
	}
	return p.person()
}

// person asks the system about a peer, at most once in lookupAge.
func (r *Roles) person(p Peer) person {
	now, lookup := time.Now, r.ask
	if r.now != nil {
		now = r.now
	}
	if r.lookup != nil {
		lookup = r.lookup
	}
	key := p.person()
	r.mu.Lock()
	who, found := r.known[key]
	r.mu.Unlock()
	if at := now(); found && at.Sub(who.askedAt) < lookupAge && !at.Before(who.askedAt) {
		return who
	}
	// The lock is not held here: the answer may come over the network.
	if p.SID != "" {
		who = person{name: accountOf(p.SID)}
	} else {
		who = lookup(p.UID)
	}
	who.askedAt = now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxKnown {
		r.known = map[string]person{}
	}
	r.known[key] = who
	return who
}

// ask is the system's answer. What it does not know stays empty.
func (r *Roles) ask(uid int) person {
	var who person
	for _, group := range r.Groups {
		if g, err := user.LookupGroup(group); err == nil {
			who.ours = append(who.ours, g.Gid)
		} else if _, err := strconv.ParseUint(group, 10, 32); err == nil {
			who.ours = append(who.ours, group)
		}
	}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		who.name = u.Username
		who.gids, _ = u.GroupIds()
	}
	return who
}

// accountOf is the name of a Windows account, or "".
func accountOf(sid string) string {
	u, err := user.LookupId(sid)
	if err != nil {
		return ""
	}
	return u.Username
}
