package store

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func TestWish(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	f := NewWishFile(dir)
	if w, err := f.Load(); err != nil || w != (wish{}) {
		t.Fatalf("never asked: %+v, %v", w, err)
	}
	for _, want := range []wish{{On: true, Target: "home"}, {Target: "home"}, {On: true, Target: "nl"}, {}} {
		if err := f.Save(want); err != nil {
			t.Fatal(err)
		}
		if got, err := NewWishFile(dir).Load(); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

// TestWishTorn stops a Save between its two copies: the newer one counts, and
// Load repairs the other.
func TestWishTorn(t *testing.T) {
	f := NewWishFile(t.TempDir())
	for _, w := range []wish{{On: false, Target: "home"}, {On: true, Target: "home"}} {
		if err := f.Save(w); err != nil {
			t.Fatal(err)
		}
	}
	old, err := encodeWish(numbered{Number: 1, Wish: wish{Target: "home"}})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f.copies[0], old)
	for range 2 {
		if w, err := f.Load(); err != nil || !w.On {
			t.Errorf("got %+v, %v", w, err)
		}
		_ = os.Remove(f.copies[1]) // the repaired copy alone must do
	}
}

// TestWishMutations damages the copies at random. A wish that is answered is
// the one that was saved; otherwise the answer is ErrWishDamaged.
func TestWishMutations(t *testing.T) {
	t.Parallel()
	f := NewWishFile(t.TempDir())
	want := wish{On: true, Target: "home"}
	if err := f.Save(wish{Target: "old"}); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(want); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(f.copies[0])
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 9))
	right, damaged := 0, 0
	for range 10_000 {
		both := rnd.IntN(2) == 0
		first := rnd.IntN(2)
		mustWrite(t, f.copies[first], mutate(rnd, good))
		other := good
		if both {
			other = mutate(rnd, good)
		}
		mustWrite(t, f.copies[1-first], other)
		last, _, err := f.newest() // Load without the repair, which would take its time
		got := last.Wish
		switch {
		case err == nil && got == want:
			right++
		case errors.Is(err, ErrWishDamaged) && both:
			damaged++
		default:
			t.Fatalf("both %v: got %+v, %v", both, got, err)
		}
	}
	t.Logf("%d right, %d refused, 0 wrong", right, damaged)
	if right == 0 || damaged == 0 {
		t.Error("one of the outcomes never came")
	}
	if _, err := f.Load(); err != nil && !errors.Is(err, ErrWishDamaged) {
		t.Error(err)
	}
	if err := f.Save(want); err != nil {
		t.Errorf("save over damage: %v", err)
	}
	if got, err := f.Load(); err != nil || got != want {
		t.Errorf("after a new wish: %+v, %v", got, err)
	}
}

// mutate returns b with some damage: flipped bits, cut, emptied, shuffled, with
// another encoding or of one byte only.
func mutate(rnd *rand.Rand, b []byte) []byte {
	b = append([]byte{}, b...)
	switch rnd.IntN(7) {
	case 0:
		b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
	case 1:
		return b[:rnd.IntN(len(b))]
	case 2:
		return nil
	case 3:
		for range 1 + rnd.IntN(20) {
			b[rnd.IntN(len(b))] = byte(rnd.Uint32())
		}
	case 4:
		return append([]byte{0xff, 0xfe}, b...)
	case 5:
		return append(b, b...)
	case 6:
		clear(b)
	}
	return b
}

func TestWishRefusesLink(t *testing.T) {
	f := NewWishFile(t.TempDir())
	victim := filepath.Join(t.TempDir(), "victim")
	data, err := encodeWish(numbered{Number: 9, Wish: wish{Target: "evil"}})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, victim, data)
	for _, path := range f.copies {
		if err := os.Symlink(victim, path); err != nil {
			t.Skip(err)
		}
	}
	if _, err := f.Load(); !errors.Is(err, ErrWishDamaged) {
		t.Errorf("got %v", err)
	}
	if err := f.Save(wish{On: true, Target: "home"}); err != nil {
		t.Error(err)
	}
	if now, _ := os.ReadFile(victim); string(now) != string(data) {
		t.Error("the target of the link was written")
	}
}
