package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// isOwn says whether a process of this very person is at the other end of a
// connection; an error says why not. The kernel is asked for the one socket that
// is the other end (sock_diag), and whose it is. What it answers is compared with
// what was asked: where there is no such socket it may name one that listens.
func isOwn(c net.Conn) error {
	theirs, ours, err := ends(c)
	if err != nil {
		return err
	}
	question := diagQuestion(theirs, ours)
	request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, 0)
	request.AddRawData(question)
	answers, err := request.Execute(unix.NETLINK_INET_DIAG, nl.SOCK_DIAG_BY_FAMILY)
	if err != nil {
		return fmt.Errorf("ask the kernel who is at the other end: %w", err)
	}
	if len(answers) != 1 {
		return fmt.Errorf("ask the kernel who is at the other end: %d answers", len(answers))
	}
	return readDiag(question, answers[0], os.Geteuid())
}

// The layout of struct inet_diag_req_v2 and struct inet_diag_msg, of
// linux/inet_diag.h: where the socket's ports and addresses stand, and how large
// each struct is.
const (
	questionSize, questionID = 56, 8
	answerSize, answerID     = 72, 4
	idSize                   = 36 // two ports, two addresses of 16 bytes
	answerUID, answerInode   = 64, 68
)

// diagQuestion asks for the socket whose own address is theirs.
func diagQuestion(theirs, ours netip.AddrPort) []byte {
	q := make([]byte, questionSize)
	q[0] = unix.AF_INET6
	if theirs.Addr().Is4() {
		q[0] = unix.AF_INET
	}
	q[1] = unix.IPPROTO_TCP
	for i := range 4 {
		q[4+i] = 0xff // in any state
	}
	id := q[questionID:]
	binary.BigEndian.PutUint16(id[0:], theirs.Port())
	binary.BigEndian.PutUint16(id[2:], ours.Port())
	copy(id[4:], theirs.Addr().AsSlice())
	copy(id[20:], ours.Addr().AsSlice())
	for i := range 8 {
		q[questionID+40+i] = 0xff // no cookie
	}
	return q
}

// readDiag compares the kernel's answer with the question and with our uid. A
// socket that its process has closed has no inode, and says uid 0.
func readDiag(question, answer []byte, uid int) error {
	if len(answer) < answerSize || string(answer[answerID:answerID+idSize]) != string(question[questionID:questionID+idSize]) {
		return errors.New("the other end has gone")
	}
	if binary.NativeEndian.Uint32(answer[answerInode:]) == 0 {
		return errors.New("the other end has gone")
	}
	if whose := binary.NativeEndian.Uint32(answer[answerUID:]); int(whose) != uid {
		return fmt.Errorf("the other end belongs to the account with uid %d", whose)
	}
	return nil
}
