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
	defer func() { _ = token.Close() }()
	p, err = readToken(token, self)
	return p, true, err
}

// readToken turns a token into a peer with its role.
func readToken(token windows.Token, self string) (Peer, error) {
	user, err := token.GetTokenUser()
	if err != nil {
		return Peer{}, fmt.Errorf("read the caller's user: %w", err)
	}
	p := Peer{UID: -1, GID: -1, SID: user.User.Sid.String(), token: None}
	b := bearer{system: user.User.Sid.IsWellKnown(windows.WinLocalSystemSid), self: p.SID == self, elevated: token.IsElevated()}
	if b.distrusted, err = isDistrusted(token); err != nil {
		return Peer{}, err
	}
	groups, err := token.GetTokenGroups()
	if err != nil {
		return Peer{}, fmt.Errorf("read the caller's groups: %w", err)
	}
	var denied bool
	for _, g := range groups.AllGroups() {
		onlyDenies := g.Attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY != 0
		enabled := g.Attributes&windows.SE_GROUP_ENABLED != 0 && !onlyDenies
		switch {
		case g.Sid.IsWellKnown(windows.WinBuiltinAdministratorsSid):
			b.admin = b.admin || enabled
			denied = denied || onlyDenies
		case g.Sid.IsWellKnown(windows.WinBuiltinNetworkConfigurationOperatorsSid):
			b.network = b.network || enabled
		}
	}
	kind, err := number(token, windows.TokenElevationType)
	if err != nil {
		return Peer{}, err
	}
	b.limited = denied && kind == elevationLimited
	p.token = b.role()
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
