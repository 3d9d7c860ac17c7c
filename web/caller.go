package web

import (
	"context"
	"strconv"
)

// Role is what a caller may do, at most. Each may do all that those before it
// may. The zero value is no role: as a caller's it permits nothing.
type Role uint8

// The roles.
const (
	None     Role = 1 // asks for the version
	Viewer   Role = 2 // reads the overall state
	Operator Role = 3 // reads everything but keys, wishes, configures
	Admin    Role = 4 // everything
)

// String is the word for the log.
func (r Role) String() string {
	switch r {
	case None:
		return "none"
	case Viewer:
		return "viewer"
	case Operator:
		return "operator"
	case Admin:
		return "admin"
	}
	return "no role"
}

// ParseRole reads the words of String. Any other gives None.
func ParseRole(s string) Role {
	for _, r := range []Role{Viewer, Operator, Admin} {
		if r.String() == s {
			return r
		}
	}
	return None
}

// Caller is who sent a request. It is put into the request's context by
// whoever accepted the connection; nothing in the request can change it.
type Caller struct {
	Role Role
	UID  int    // -1: not known by number
	User string // the account's name, for the log
}

// person is the key by which a caller is counted.
func (c Caller) person() string {
	if c.UID >= 0 {
		return strconv.Itoa(c.UID)
	}
	return c.User
}

type callerKey struct{}

// WithCaller returns a context for the requests of a caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return WithIdentity(ctx, func() Caller { return c })
}

// WithIdentity is WithCaller for a caller whose role may change while the
// connection lasts: who is asked for every request, and during streams.
func WithIdentity(ctx context.Context, who func() Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// callerOf tells who sent a request. Without a caller in the context it is
// somebody who may do nothing.
func callerOf(ctx context.Context) Caller {
	if who, ok := ctx.Value(callerKey{}).(func() Caller); ok {
		return who()
	}
	return Caller{UID: -1, User: "unknown"}
}
