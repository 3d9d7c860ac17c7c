package control

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

var impersonateNamedPipeClient = windows.NewLazySystemDLL("advapi32.dll").NewProc("ImpersonateNamedPipeClient")

const (
	tokenIsAppContainer = 29 // TOKEN_INFORMATION_CLASS, not in x/sys by this name
	elevationLimited    = 3  // TOKEN_ELEVATION_TYPE: an administrator who has not elevated
	mediumIntegrity     = 0x2000
)

// peerOf reads who is at the other end of a pipe, from the token of whoever
// sent what was last read from it.
func peerOf(c net.Conn, self string) (Peer, error) {
	pipe, ok := c.(interface{ Handle() windows.Handle })
	if !ok {
		return Peer{}, errors.New("the connection is not a pipe")
	}
	type answer struct {
		peer Peer
		err  error
	}
	// In a goroutine of its own: where reverting fails its thread must never
	// be used again, and it ends with a goroutine that ends while locked to it.
	got := make(chan answer, 1)
	go func() {
		runtime.LockOSThread()
		p, reverted, err := impersonate(pipe.Handle(), self)
		if reverted {
			runtime.UnlockOSThread()
		}
		got <- answer{p, err}
	}()
	a := <-got
	var pid uint32
	if err := windows.GetNamedPipeClientProcessId(pipe.Handle(), &pid); err == nil {
		a.peer.PID = int(pid)
	}
	return a.peer, a.err
}

// impersonate reads the caller's token; reverted says that the thread is its
// own self again.
func impersonate(h windows.Handle, self string) (p Peer, reverted bool, err error) {
	if ok, _, err := impersonateNamedPipeClient.Call(uintptr(h)); ok == 0 {
		return Peer{}, true, fmt.Errorf("impersonate the caller: %w", err)
	}
	var token windows.Token
	opened := windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &token)
	if err := windows.RevertToSelf(); err != nil {
		return Peer{}, false, fmt.Errorf("revert to self: %w", err)
	}
	if opened != nil {
		return Peer{}, true, fmt.Errorf("open the caller's token: %w", opened)
	}
	defer token.Close()
	p, err = readToken(token, self)
	return p, true, err
}

// readToken turns a token into a peer with its role.
//
// SYSTEM, elevated administrators and the person the service runs as are
// administrators; administrators who have not elevated and members of Network
// Configuration Operators are operators; everybody else is a viewer. A token
// that was made to be distrusted (of low integrity, restricted, of an app
// container) has no role.
func readToken(token windows.Token, self string) (Peer, error) {
	user, err := token.GetTokenUser()
	if err != nil {
		return Peer{}, fmt.Errorf("read the caller's user: %w", err)
	}
	p := Peer{UID: -1, GID: -1, SID: user.User.Sid.String(), token: None}
	distrusted, err := isDistrusted(token)
	if err != nil {
		return Peer{}, err
	}
	if distrusted {
		return p, nil
	}
	groups, err := token.GetTokenGroups()
	if err != nil {
		return Peer{}, fmt.Errorf("read the caller's groups: %w", err)
	}
	var admin, deniedAdmin, networkOperator bool
	for _, g := range groups.AllGroups() {
		enabled := g.Attributes&windows.SE_GROUP_ENABLED != 0 && g.Attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY == 0
		switch {
		case g.Sid.IsWellKnown(windows.WinBuiltinAdministratorsSid):
			admin = admin || enabled
			deniedAdmin = deniedAdmin || g.Attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY != 0
		case g.Sid.IsWellKnown(windows.WinBuiltinNetworkConfigurationOperatorsSid):
			networkOperator = networkOperator || enabled
		}
	}
	elevationType, err := number(token, windows.TokenElevationType)
	if err != nil {
		return Peer{}, err
	}
	switch {
	case user.User.Sid.IsWellKnown(windows.WinLocalSystemSid), admin && token.IsElevated(), p.SID == self:
		p.token = Admin
	case admin, deniedAdmin && elevationType == elevationLimited, networkOperator:
		p.token = Operator
	default:
		p.token = Viewer
	}
	return p, nil
}

// isDistrusted says that a token was made for code that is not trusted.
func isDistrusted(token windows.Token) (bool, error) {
	contained, err := number(token, tokenIsAppContainer)
	if err != nil {
		return false, err
	}
	restricted, err := token.IsRestricted()
	// A system that does not know of restricted tokens, which is Wine, has none.
	if err != nil && !errors.Is(err, windows.ERROR_INVALID_FUNCTION) {
		return false, fmt.Errorf("read whether the caller is restricted: %w", err)
	}
	level, err := integrity(token)
	if err != nil {
		return false, err
	}
	return contained != 0 || restricted || level < mediumIntegrity, nil
}

// number reads what a token says in four bytes.
func number(token windows.Token, class uint32) (uint32, error) {
	var n, length uint32
	if err := windows.GetTokenInformation(token, class, (*byte)(unsafe.Pointer(&n)), uint32(unsafe.Sizeof(n)), &length); err != nil {
		return 0, fmt.Errorf("read the caller's token: %w", err)
	}
	return n, nil
}

// integrity is the level of a token: the last part of its label.
func integrity(token windows.Token) (uint32, error) {
	buf := make([]uint64, 16) // aligned for the pointer inside
	size := uint32(len(buf) * 8)
	if err := windows.GetTokenInformation(token, windows.TokenIntegrityLevel, (*byte)(unsafe.Pointer(&buf[0])), size, &size); err != nil {
		return 0, fmt.Errorf("read the caller's integrity: %w", err)
	}
	label := (*windows.Tokenmandatorylabel)(unsafe.Pointer(&buf[0])).Label.Sid
	level := label.SubAuthority(uint32(label.SubAuthorityCount()) - 1)
	runtime.KeepAlive(buf)
	return level, nil
}
