package wg

import (
	"errors"
	"io"
	"net"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
)

// failing is a bind that receives these errors, and else one datagram at a time.
type failing struct {
	conn.Bind
	errs []error
}

func (f *failing) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	return []conn.ReceiveFunc{func(_ [][]byte, sizes []int, _ []conn.Endpoint) (int, error) {
		if len(f.errs) == 0 {
			sizes[0] = 32
			return 1, nil
		}
		err := f.errs[0]
		f.errs = f.errs[1:]
		return 1, err
	}}, 51820, nil
}

func TestSteadyGoesOnReceiving(t *testing.T) {
	refused := errors.New("the port is closed")
	s := steady{
		Bind:   &failing{errs: []error{refused, &net.OpError{Op: "read", Err: refused}, io.ErrUnexpectedEOF, net.ErrClosed}},
		passes: func(err error) bool { return errors.Is(err, refused) },
	}
	fns, port, err := s.Open(0)
	if err != nil || port != 51820 || len(fns) != 1 {
		t.Fatalf("got %d functions, port %d, %v", len(fns), port, err)
	}
	for i, want := range []struct {
		n   int
		err error
	}{{0, nil}, {0, nil}, {1, io.ErrUnexpectedEOF}, {1, net.ErrClosed}, {1, nil}} {
		n, err := fns[0](make([][]byte, 1), make([]int, 1), make([]conn.Endpoint, 1))
		if n != want.n || !errors.Is(err, want.err) {
			t.Errorf("%d: got %d, %v, want %d, %v", i, n, err, want.n, want.err)
		}
	}
}
