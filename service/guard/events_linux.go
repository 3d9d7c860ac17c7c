package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// doer is a program that changed the firewall, and the generation of the rules
// that it made. The zero doer: more happened than there was room for.
type doer struct {
	name       string
	generation uint32
}

// doers are in the order in which they came.
type doers []doer

func (d doers) until(generation uint32) doers {
	return slices.DeleteFunc(slices.Clone(d), func(x doer) bool { return x.generation > generation })
}

func (d doers) after(generation uint32) doers {
	return slices.DeleteFunc(d, func(x doer) bool { return x.generation <= generation })
}

// String names each of them once, and not more than three.
func (d doers) String() string {
	var names []string
	for _, x := range d {
		if x.name != "" && !slices.Contains(names, x.name) {
			names = append(names, x.name)
		}
	}
	if len(names) > 3 {
		names = append(names[:3], "others")
	}
	return strings.Join(names, ", ")
}

const newGeneration = subsystem<<8 | unix.NFT_MSG_NEWGEN

// dialEvents opens a socket that is told once for each change of the firewall
// by another socket than own, and of nothing else.
func dialEvents(own uint32) (*socket, error) {
	s, err := dial()
	if err != nil {
		return nil, err
	}
	// The kernel tells of each rule and element too, but in other messages.
	filter, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, newGeneration))), SkipTrue: 3},
		bpf.LoadAbsolute{Off: 12, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(number(own)), SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{Val: 0},
	})
	if err == nil {
		err = s.SetBPF(filter)
	}
	if err == nil {
		err = s.JoinGroup(unix.NFNLGRP_NFTABLES)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// doers takes who changed the firewall. It waits until somebody does, or not.
func (s *socket) doers(wait bool) (doers, error) {
	var list doers
	var failed error
	buf := make([]byte, 4<<10)
	take := func(fd uintptr) (done bool) {
		for {
			n, _, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
			switch {
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.ENOBUFS):
				list = append(list, doer{})
			case errors.Is(err, unix.EAGAIN):
				return len(list) > 0
			case err != nil:
				failed = err
				return true
			default:
				list = append(list, readDoer(buf[:n]))
			}
		}
	}
	var err error
	if wait {
		err = s.raw.Read(take)
	} else {
		err = s.raw.Control(func(fd uintptr) { take(fd) })
	}
	return list, errors.Join(err, failed)
}

// readDoer reads who made a generation, as in "nft (pid 4242)".
func readDoer(b []byte) doer {
	var x doer
	if len(b) < unix.NLMSG_HDRLEN+4 {
		return x
	}
	var name string
	var pid uint32
	err := decode(b[unix.NLMSG_HDRLEN+4:], func(d *netlink.AttributeDecoder) error {
		for d.Next() {
			switch d.Type() {
			case unix.NFTA_GEN_ID:
				x.generation = d.Uint32()
			case unix.NFTA_GEN_PROC_NAME:
				name = d.String()
			case unix.NFTA_GEN_PROC_PID:
				pid = d.Uint32()
			}
		}
		return nil
	})
	if err == nil && name != "" {
		x.name = fmt.Sprintf("%s (pid %d)", name, pid)
	}
	return x
}
