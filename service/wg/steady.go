package wg

import "golang.zx2c4.com/wireguard/conn"

// steady goes on receiving after an error that only tells what became of something
// that was sent, as a server whose port is closed makes it. The device would never
// receive again by that socket.
type steady struct {
	conn.Bind
	// passes says that an error is of that kind.
	passes func(error) bool
}

// Open makes of such an error a batch without datagrams.
func (s steady) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	fns, actual, err := s.Bind.Open(port)
	for i, receive := range fns {
		fns[i] = func(bufs [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
			n, err := receive(bufs, sizes, eps)
			if err != nil && s.passes(err) {
				return 0, nil
			}
			return n, err
		}
	}
	return fns, actual, err
}
