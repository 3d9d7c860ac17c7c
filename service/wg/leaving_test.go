package wg

import (
	"errors"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
)

func TestLeaving(t *testing.T) {
	var l leaving
	want := func(n uint64, when string) {
		t.Helper()
		if got := l.load(); got != n {
			t.Errorf("%s: got %d, want %d", when, got, n)
		}
	}
	l.begin(2)
	want(2, "on their way")
	l.end(2, nil)
	want(2, "left")
	l.begin(1)
	want(3, "one more on its way")
	l.end(1, errors.New("refused"))
	want(3, "it never goes back")
	l.begin(1)
	l.end(1, nil)
	want(3, "the next makes up for it")
	l.begin(5)
	l.end(5, errors.New("refused"))
	want(3, "refused before anybody looked")
}

// quick is a bind whose peer answers before the system returns from sending.
type quick struct {
	conn.Bind
	answer func()
}

func (q *quick) Send([][]byte, conn.Endpoint) error {
	q.answer()
	return nil
}

// Whoever reads the counters when the answer is there sees what it answers.
func TestAnswerIsNotCountedBeforeItsQuestion(t *testing.T) {
	q := &quick{}
	tp, bind := newTap(q, make(chan struct{}, 1))
	data := make([]byte, device.MessageKeepaliveSize+64)
	data[0] = device.MessageTransportType
	seen := uint64(0)
	q.answer = func() { seen = tp.dataSent.load() }
	if err := bind.Send([][]byte{data}, nil); err != nil || seen != 1 {
		t.Errorf("with the answer there %d packets are counted (%v), want 1", seen, err)
	}
	first := make([]byte, device.MessageInitiationSize)
	first[0] = device.MessageInitiationType
	q.answer = func() { seen = tp.initiations.load() }
	seen = 0
	if err := bind.Send([][]byte{first}, nil); err != nil || seen != 1 {
		t.Errorf("with the response there %d initiations are counted (%v), want 1", seen, err)
	}
}
