package netcfg

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// watcher listens to what the kernel says of routes, rules, addresses and
// interfaces, and passes on that something may concern us.
type watcher struct {
	m      *Manager
	socket *nl.NetlinkSocket
	lost   chan struct{} // room for one: something of ours may be gone
	broke  chan error    // why it ended; nil: it was closed; then it is closed itself
	by     atomic.Pointer[string]
}

func (m *Manager) watch() (*watcher, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
		unix.RTNLGRP_IPV4_NETCONF)
	if err != nil {
		return nil, fmt.Errorf("watch routes and rules: %w", err)
	}
	w := &watcher{m: m, socket: s, lost: make(chan struct{}, 1), broke: make(chan error, 1)}
	go func() {
		w.broke <- w.listen()
		close(w.broke)
	}()
	return w, nil
}

// close ends the watcher.
func (w *watcher) close() {
	w.socket.Close()
	for range w.broke { // until it has ended
	}
}

// listen passes on what may concern us until the socket is closed.
func (w *watcher) listen() error {
	for {
		msgs, _, err := w.socket.Receive()
		overrun := errors.Is(err, unix.ENOBUFS)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil && !overrun && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch routes and rules: %w", err)
		}
		if overrun {
			poke(w.lost)
			poke(w.m.around)
		}
		for _, msg := range msgs {
			if w.m.concerns(msg) {
				if by := program(msg.Header.Pid); by != "" {
					w.by.Store(&by)
				}
				poke(w.lost)
			}
			if w.m.mayLeadAround(msg) {
				poke(w.m.around)
			}
		}
	}
}

// culprit names the program that did what was passed on last, once.
func (w *watcher) culprit() string {
	if by := w.by.Swap(nil); by != nil {
		return *by
	}
	return ""
}

// program names the one whose netlink socket has this number, as in "ip (pid
// 4242)". By default a process's first socket is numbered like itself. "": not
// known, or this process.
func program(socket uint32) string {
	const mostPID = 1 << 22
	if socket == 0 || socket > mostPID || int(socket) == os.Getpid() {
		return ""
	}
	pid := strconv.FormatUint(uint64(socket), 10)
	name, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name)) + " (pid " + pid + ")"
}

// concerns says that a message may tell of the loss of something of ours. A
// replaced route is only told as the one that came.
func (m *Manager) concerns(msg syscall.NetlinkMessage) bool {
	switch msg.Header.Type {
	case unix.RTM_NEWNETCONF:
		return true
	case unix.RTM_NEWLINK:
		return len(msg.Data) >= unix.SizeofIfInfomsg && nl.DeserializeIfInfomsg(msg.Data).Index == m.index.Load()
	case unix.RTM_DELADDR:
		return len(msg.Data) >= unix.SizeofIfAddrmsg && int32(nl.DeserializeIfAddrmsg(msg.Data).Index) == m.index.Load()
	case unix.RTM_DELRULE:
		n, ok := number(msg.Data, unix.SizeofRtMsg, unix.FRA_PRIORITY)
		return !ok || int(n) >= m.Priority && int(n) <= m.Priority+2
	case unix.RTM_DELROUTE, unix.RTM_NEWROUTE:
		if len(msg.Data) < unix.SizeofRtMsg {
			return false
		}
		if int(nl.DeserializeRtMsg(msg.Data).Protocol) == m.Protocol {
			return true
		}
		n, ok := number(msg.Data, unix.SizeofRtMsg, unix.RTA_TABLE)
		return !ok || int(n) == m.Table
	}
	return false
}

// mayLeadAround says that a message tells of a route or rule that may lead
// around the tunnel, or may have.
func (m *Manager) mayLeadAround(msg syscall.NetlinkMessage) bool {
	switch msg.Header.Type {
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		return true
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return len(msg.Data) >= unix.SizeofRtMsg && int(nl.DeserializeRtMsg(msg.Data).Protocol) != m.Protocol
	}
	return false
}

// number reads an attribute of 32 bits behind a header of a message.
func number(data []byte, header int, attribute uint16) (n uint32, ok bool) {
	if len(data) < header {
		return 0, false
	}
	list, err := nl.ParseRouteAttr(data[header:])
	if err != nil {
		return 0, false
	}
	i := slices.IndexFunc(list, func(a syscall.NetlinkRouteAttr) bool { return a.Attr.Type == attribute && len(a.Value) >= 4 })
	if i < 0 {
		return 0, false
	}
	return nl.NativeEndian().Uint32(list[i].Value), true
}
