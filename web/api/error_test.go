package api

import (
	"errors"
	"fmt"
	"testing"
)

func TestCodesAndSentinels(t *testing.T) {
	for code, sentinel := range sentinels {
		if got := CodeOf(fmt.Errorf("connect: %w", sentinel)); got != code {
			t.Errorf("%v: got %s, want %s", sentinel, got, code)
		}
		sent := fmt.Errorf("ask: %w", &Error{Code: code, Message: "m"})
		if got := CodeOf(sent); got != code {
			t.Errorf("an error sent as %s: got %s", code, got)
		}
		for other, s := range sentinels {
			if got := errors.Is(sent, s); got != (other == code) {
				t.Errorf("an error sent as %s is %v: got %v", code, s, got)
			}
		}
	}
	if got := CodeOf(errors.New("disk")); got != Internal {
		t.Errorf("any other: got %s, want internal", got)
	}
	if err := (&Error{Code: Internal, Message: "m"}); errors.Is(err, ErrInvalid) || err.Error() != "m" {
		t.Errorf("an internal error: got %v", err)
	}
}
