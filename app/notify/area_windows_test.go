package notify

import (
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

func TestPut(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""}, {"ab", "ab"}, {"abcdefgh", "abcdefg"}, {"abcdef😀", "abcdef"}, {"a\x00b", "ab"}, {"Ümläut", "Ümläut"},
	} {
		field := [8]uint16{9, 9, 9, 9, 9, 9, 9, 9}
		put(field[:], tt.text)
		if got := windows.UTF16ToString(field[:]); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// The real notification area: show, replace, close.
func TestInTheNotificationArea(t *testing.T) {
	s, err := OpenScreen(ScreenOptions{})
	if err != nil {
		t.Skip("there is no desktop: ", err)
	}
	n := Note{Matter: Link, Title: "The server is down", Body: strings.Repeat("long ", 100)}
	if err := s.Do(Action{Matter: Link, Show: &n}); err != nil {
		_ = s.Close()
		t.Skip("there is no notification area: ", err)
	}
	n.Title = "nl works again"
	if err := s.Do(Action{Matter: Link, Show: &n}); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.Do(Action{Matter: Link}); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Do(Action{Matter: Link}); err == nil {
		t.Error("it works after it was closed")
	}
}
