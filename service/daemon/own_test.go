package daemon

import "testing"

// The tunnel's interface is known by the name that was asked for, and by the one
// that the system gave it last.
func TestOwn(t *testing.T) {
	o := newOwn("utun")
	if !o.has("utun") || o.has("utun7") || o.has("en0") {
		t.Error("before it was opened")
	}
	o.named("utun7")
	if !o.has("utun7") || !o.has("utun") || o.has("utun8") {
		t.Error("opened as utun7")
	}
	o.named("utun8")
	if o.has("utun7") || !o.has("utun8") {
		t.Error("opened again as utun8")
	}
}
