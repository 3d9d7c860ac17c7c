package wg

import "errors"

// What callers choose by. Every method says which of them it returns.
var (
	// ErrOpen says that the interface is open already.
	ErrOpen = errors.New("the interface is already open")
	// ErrNotOpen says that there is no interface.
	ErrNotOpen = errors.New("the interface is not open")
	// ErrNoDevice says that no device runs under that name.
	ErrNoDevice = errors.New("no such device is running")
	// ErrRunning says that the name is taken by a device with another config.
	ErrRunning = errors.New("a device with another config runs under this name")
	// ErrSiteInUse says that another device already speaks to the same server
	// with the same key. A second one would break its session; use Move.
	ErrSiteInUse = errors.New("another device speaks to this server with this key")
	// ErrOtherSite says that a device cannot move there: the other member has
	// another key or another server.
	ErrOtherSite = errors.New("the members do not share client key and server key")
	// ErrStopped says that the device was stopped while it was waited for.
	ErrStopped = errors.New("the device was stopped")
	// ErrUnanswered says that no authenticated answer came in time.
	ErrUnanswered = errors.New("the server did not answer")
	// ErrNoEndpoint says that the config names no endpoint to ask.
	ErrNoEndpoint = errors.New("the config names no endpoint")
	// ErrAnswers says that the server answers at the endpoint in use.
	ErrAnswers = errors.New("the server answers where it is")
	// ErrWithheld says that an initiation was not sent, since Options.Initiate
	// does not let it be dated now.
	ErrWithheld = errors.New("the clock cannot be trusted to date a handshake")
	// ErrNoResponder says that no address inside the tunnel is known to ask.
	ErrNoResponder = errors.New("no address inside the tunnel is known that could answer")
	// ErrResolve says that an endpoint's name could not be resolved.
	ErrResolve = errors.New("the endpoint's name could not be resolved")
	// ErrInterfaceDown says that something else set the interface down.
	ErrInterfaceDown = errors.New("the interface was set down")
	// ErrInterfaceRenamed says that something else gave the interface another
	// name, by which nothing of what is set up for it knows it.
	ErrInterfaceRenamed = errors.New("the interface was renamed")
	// ErrInterfaceGone says that the interface no longer exists here or can no
	// longer be read.
	ErrInterfaceGone = errors.New("the interface is gone")
)

// ResolveError is an endpoint name without an address. It is ErrResolve.
type ResolveError struct {
	Host string
	Err  error // the resolver's; nil: it answered with no address
}

func (e *ResolveError) Error() string {
	if e.Err == nil {
		return "resolve " + e.Host + ": no address"
	}
	return "resolve " + e.Host + ": " + e.Err.Error()
}

// Unwrap makes the error both ErrResolve and the resolver's own.
func (e *ResolveError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrResolve}
	}
	return []error{ErrResolve, e.Err}
}

// SilenceError is a question without an authenticated answer, and what was seen
// meanwhile. It is ErrUnanswered.
type SilenceError struct {
	// Initiations is how many handshake initiations were sent.
	Initiations int
	// Responses is how many handshake responses arrived and did not
	// authenticate. With the right server they mean that the preshared keys differ.
	Responses int
	// Cookies is how many cookie replies arrived: the server lives and is busy.
	Cookies int
	// Err is the last error of sending; nil: everything left the machine.
	Err error
}

func (e *SilenceError) Error() string {
	switch {
	case e.Err != nil:
		return ErrUnanswered.Error() + ": " + e.Err.Error()
	case e.Responses > 0:
		return ErrUnanswered.Error() + ": its responses do not authenticate"
	case e.Cookies > 0:
		return ErrUnanswered.Error() + ": it is under load"
	}
	return ErrUnanswered.Error()
}

// Seen is what came instead of an answer, and the last error of sending.
func (e *SilenceError) Seen() (responses, cookies int, sending error) {
	return e.Responses, e.Cookies, e.Err
}

// Unwrap makes the error both ErrUnanswered and the sending's own.
func (e *SilenceError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrUnanswered}
	}
	return []error{ErrUnanswered, e.Err}
}
