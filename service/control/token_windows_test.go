package control

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

// duplicate is a token of our own that can be made less of.
func duplicate(t *testing.T) windows.Token {
	t.Helper()
	var token, own windows.Token
	if err := windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_DUPLICATE|windows.TOKEN_QUERY, &own); err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if err := windows.DuplicateTokenEx(own, windows.MAXIMUM_ALLOWED, nil, windows.SecurityIdentification, windows.TokenImpersonation, &token); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { token.Close() })
	return token
}

// A token of low integrity, as a browser's box has, has no role, whoever's it is.
func TestTokenOfLowIntegrity(t *testing.T) {
	token := duplicate(t)
	before, err := readToken(token, "")
	if err != nil {
		t.Fatal(err)
	}
	if before.token == None {
		t.Skip("this test is run by somebody who is distrusted")
	}
	low, err := windows.StringToSid("S-1-16-4096")
	if err != nil {
		t.Fatal(err)
	}
	label := windows.Tokenmandatorylabel{Label: windows.SIDAndAttributes{Sid: low, Attributes: windows.SE_GROUP_INTEGRITY}}
	if err := windows.SetTokenInformation(token, windows.TokenIntegrityLevel, (*byte)(unsafe.Pointer(&label)), label.Size()); err != nil {
		t.Skipf("this system does not lower a token: %v", err)
	}
	if level, err := integrity(token); err != nil || level >= mediumIntegrity {
		t.Skipf("this system does not lower a token: level %#x, %v", level, err)
	}
	if p, err := readToken(token, before.SID); err != nil || p.token != None {
		t.Errorf("got %s, %v, want no role", p.token, err)
	}
}

// What the token of this process says decides; being the service's own account is
// more than any of it.
func TestRoleOfOurOwnToken(t *testing.T) {
	token := duplicate(t)
	p, err := readToken(token, "S-1-5-18-none")
	if err != nil {
		t.Fatal(err)
	}
	elevated := token.IsElevated()
	if elevated != (p.token == Admin) {
		t.Errorf("elevated: %v, role %s", elevated, p.token)
	}
	own, err := readToken(token, p.SID)
	if err != nil || own.token != Admin {
		t.Errorf("as the service's own account: %s, %v", own.token, err)
	}
}
