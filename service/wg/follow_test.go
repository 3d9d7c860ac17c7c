package wg

import (
	"errors"
	"sync"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/tun"
)

// fakeLink is an interface of a system that tells of changes.
type fakeLink struct {
	*memTUN
	mu      sync.Mutex
	now     condition
	err     error
	changed func()
	stopped bool
}

func (l *fakeLink) read() (condition, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now, l.err
}

func (l *fakeLink) become(c condition, err error) {
	l.mu.Lock()
	l.now, l.err = c, err
	l.mu.Unlock()
	l.changed()
}

func (l *fakeLink) subscribe(changed func(), _ func(error)) (func(), error) {
	l.changed = changed
	return func() { l.stopped = true }, nil
}

// What happens to the interface reaches whoever owns the devices, with its reason,
// through a pump too, and the end of it ends the following.
func TestFollowedFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		to   condition
		want error
	}{
		{"set down", condition{name: "mem0", mtu: 1280}, ErrInterfaceDown},
		{"removed", condition{gone: true}, ErrInterfaceGone},
		{"renamed", condition{name: "other", up: true}, ErrInterfaceRenamed},
	} {
		l := &fakeLink{memTUN: newMemTUN(), now: condition{name: "mem0", up: true, mtu: 1420}}
		d := New(Options{OpenTUN: func(string, int) (tun.Device, error) {
			return follow(l.memTUN, "mem0", 1420, l.read, l.subscribe), nil
		}})
		if name, err := d.Open("mem0", 0); err != nil || name != "mem0" {
			t.Fatal(name, err)
		}
		if _, ok := d.sw.real.(*pump); !ok {
			t.Fatalf("got %T, want a pump", d.sw.real)
		}
		l.become(condition{name: "mem0", up: true, mtu: 1400}, nil)
		eventually(t, "the MTU is known", func() bool { mtu, _ := d.sw.real.MTU(); return mtu == 1400 })
		l.become(condition{}, errors.New("not known just now"))
		l.become(c.to, nil)
		select {
		case f := <-d.Faults():
			if !errors.Is(f.Err, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, f.Err, c.want)
			}
		case <-time.After(patience):
			t.Fatalf("%s: nothing is told", c.name)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if !l.stopped {
			t.Errorf("%s: the system is followed still", c.name)
		}
	}
}

// An interface works on a system that tells of nothing, and closes twice.
func TestFollowedUntold(t *testing.T) {
	m := newMemTUN()
	none := func(func(), func(error)) (func(), error) { return nil, errors.ErrUnsupported }
	f := follow(m, "mem0", 1420, func() (condition, error) { return condition{name: "mem0", up: true}, nil }, none)
	if ev := <-f.Events(); ev != tun.EventUp {
		t.Errorf("got %b", ev)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, open := <-f.Events(); open {
		t.Error("the events go on")
	}
}

// Creating an interface again is bounded, and by more soon after the start of the
// computer.
func TestCreateAgain(t *testing.T) {
	for _, c := range []struct {
		up          time.Duration
		tries       int
		least, most time.Duration // in all
	}{
		{time.Minute, bootTries, 12 * time.Second, 18 * time.Second},
		{time.Hour, againTries, 5 * time.Second, 8 * time.Second},
	} {
		var all time.Duration
		failures := 1
		for last := time.Duration(0); ; failures++ {
			wait, again := createAgain(failures, c.up)
			if !again {
				break
			}
			if wait < last || wait > againMost {
				t.Errorf("%v after the start, failure %d: waits %v after %v", c.up, failures, wait, last)
			}
			last, all = wait, all+wait
		}
		if failures-1 != c.tries || all < c.least || all > c.most {
			t.Errorf("%v after the start: %d tries in %v", c.up, failures-1, all)
		}
	}
}
