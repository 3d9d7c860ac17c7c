package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// bufferSize of the sockets in bytes. A batch must fit into one message, and
// this has room for 100,000 set elements.
const bufferSize = 8 << 20

// socket is a netlink socket for nf_tables. The owner of a table is the socket
// that made it, not the process: all changes go through one.
type socket struct {
	*netlink.Conn
	raw syscall.RawConn
	buf []byte // for one packet of answers
}

// dial opens a socket in the network namespace of the calling thread.
func dial() (*socket, error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, errNoTables
	}
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	s := &socket{Conn: c, raw: raw, buf: make([]byte, 64<<10)}
	s.force(unix.SO_SNDBUFFORCE)
	s.force(unix.SO_RCVBUFFORCE)
	return s, nil
}

// force sets a buffer's size beyond the system's limit. It needs CAP_NET_ADMIN,
// without which nothing else works either: the next call says so.
func (s *socket) force(option int) {
	_ = s.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, bufferSize) })
}

// message is one request of nf_tables.
type message struct {
	kind   uint16 // unix.NFT_MSG_*
	flags  netlink.HeaderFlags
	family byte
	attrs  []byte
}

const subsystem = unix.NFNL_SUBSYS_NFTABLES

func (m *message) encode() netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(subsystem<<8 | m.kind), Flags: netlink.Request | m.flags},
		Data:   append([]byte{m.family, unix.NFNETLINK_V0, 0, 0}, m.attrs...),
	}
}

// boundary begins or ends a batch. With a generation the kernel refuses the
// batch when the rules of any table have changed since.
func boundary(kind netlink.HeaderType, generation uint32) netlink.Message {
	m := netlink.Message{
		Header: netlink.Header{Type: kind, Flags: netlink.Request},
		Data:   []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, subsystem},
	}
	if generation != 0 {
		m.Data = append(m.Data, encode(func(e *netlink.AttributeEncoder) { e.Uint32(unix.NFNL_BATCH_GENID, generation) })...)
	}
	return m
}

// refusal is the kernel's answer to a batch it did not carry out.
type refusal struct {
	errno unix.Errno
	// at is the message that was refused. nil: the batch as a whole.
	at *message
}

func (r *refusal) Error() string {
	if r.at == nil {
		return r.errno.Error()
	}
	return fmt.Sprintf("message %d: %v", r.at.kind, r.errno)
}

func (r *refusal) Unwrap() error { return r.errno }

// commit has the kernel carry out all of the messages or none. generation 0:
// whatever happened meanwhile.
func (s *socket) commit(generation uint32, batch []message) error {
	if len(batch) == 0 {
		return nil
	}
	msgs := []netlink.Message{boundary(unix.NFNL_MSG_BATCH_BEGIN, generation)}
	for i := range batch {
		msgs = append(msgs, batch[i].encode())
	}
	last := len(msgs) - 1
	msgs[last].Header.Flags |= netlink.Acknowledge
	msgs = append(msgs, boundary(unix.NFNL_MSG_BATCH_END, 0))
	s.drain(nil)
	sent, err := s.SendMessages(msgs)
	if err != nil {
		return fmt.Errorf("send to the kernel: %w", err)
	}
	// The kernel works on the batch while it is sent: all answers are there.
	acknowledged := false
	var refused *refusal
	s.drain(func(seq uint32, errno unix.Errno) {
		i := slices.IndexFunc(sent, func(m netlink.Message) bool { return m.Header.Sequence == seq })
		switch {
		case i < 0:
		case errno == 0:
			acknowledged = acknowledged || i == last
		case refused == nil:
			refused = &refusal{errno: errno}
			if i > 0 && i <= last {
				refused.at = &batch[i-1]
			}
		}
	})
	if refused != nil {
		return refused
	}
	if !acknowledged {
		return errors.New("the kernel did not answer")
	}
	return nil
}

// drain takes all answers that have come, each of which is one packet. A nil
// handle throws them away.
func (s *socket) drain(handle func(seq uint32, errno unix.Errno)) {
	var answer [unix.NLMSG_HDRLEN + 4]byte // what follows is the request, cut off
	_ = s.raw.Control(func(fd uintptr) {
		for {
			n, _, err := unix.Recvfrom(int(fd), answer[:], unix.MSG_DONTWAIT)
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOBUFS) {
				continue
			}
			if err != nil {
				return
			}
			if n == len(answer) && handle != nil && binary.NativeEndian.Uint16(answer[4:]) == unix.NLMSG_ERROR {
				handle(binary.NativeEndian.Uint32(answer[8:]), unix.Errno(-int32(binary.NativeEndian.Uint32(answer[unix.NLMSG_HDRLEN:]))))
			}
		}
	})
}

// answers are the messages of one packet that answer the request of this number.
func answers(b []byte, seq uint32) iter.Seq[netlink.Message] {
	return func(yield func(netlink.Message) bool) {
		for len(b) >= unix.NLMSG_HDRLEN {
			h := netlink.Header{
				Length:   binary.NativeEndian.Uint32(b),
				Type:     netlink.HeaderType(binary.NativeEndian.Uint16(b[4:])),
				Flags:    netlink.HeaderFlags(binary.NativeEndian.Uint16(b[6:])),
				Sequence: binary.NativeEndian.Uint32(b[8:]),
			}
			if h.Length < unix.NLMSG_HDRLEN || int(h.Length) > len(b) {
				return
			}
			if h.Sequence == seq && !yield(netlink.Message{Header: h, Data: b[unix.NLMSG_HDRLEN:h.Length]}) {
				return
			}
			b = b[min(len(b), int(h.Length+3)&^3):]
		}
	}
}

// encode encodes attributes whose numbers are all big-endian, as those of
// nf_tables are.
func encode(fill func(*netlink.AttributeEncoder)) []byte {
	e := netlink.NewAttributeEncoder()
	e.ByteOrder = binary.BigEndian
	fill(e)
	b, err := e.Encode()
	if err != nil {
		panic(err) // an attribute longer than 64 KiB: see maxElements
	}
	return b
}
