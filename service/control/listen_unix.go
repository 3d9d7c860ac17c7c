//go:build unix

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/tailscale/peercred"
)

const (
	// folderMode lets everybody reach the socket, and root alone replace it.
	folderMode = 0o755
	// socketMode lets everybody connect: who may do what is decided by who
	// they are, so that a refusal can give its reason.
	socketMode = 0o666
)

// Listen makes the socket at path, in place of one that a dead service left,
// and its folder where it is missing. The socket appears in one step with its
// final mode. The errors: ErrRunning, ErrOccupied, ErrUnsafe, or the system's.
//
// Accept of the listener returns only connections whose peer is known; PeerOf
// tells who it is. Close removes the socket.
func Listen(path string, o Options) (net.Listener, error) {
	o = o.withDefaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := prepareFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	held, err := lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	inner, made, err := bind(path)
	if err != nil {
		held.release()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return &listener{
		UnixListener: inner, path: path, made: made, held: held,
		gate: newGate(o, strconv.Itoa(os.Geteuid())),
	}, nil
}

// prepareFolder makes the folder, and makes sure that nobody but its owner,
// who is root or ourselves, can replace what is in it. A folder like /tmp, where
// everybody may replace only what is theirs, is as good, and so is one that only a
// group of the system's own may write to.
func prepareFolder(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), folderMode); err != nil {
		return err
	}
	if err := os.Mkdir(dir, folderMode); err == nil {
		// The umask may have taken away what others need to get in.
		if err := os.Chmod(dir, folderMode); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	}
	if uid := ownerOf(info); uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("%w: %s belongs to user %d", ErrUnsafe, dir, uid)
	}
	gid := groupOf(info)
	// A person's own group may write by the usual umask of some systems. The
	// client still refuses a socket that is not that person's.
	isOwn := os.Geteuid() != 0 && gid == os.Getegid()
	if isOpen(info.Mode(), isOwn || slices.Contains(systemGroups, gid)) {
		return fmt.Errorf("%w: others may write to %s", ErrUnsafe, dir)
	}
	return nil
}

// isOpen says that others may replace what is in a folder of this mode; trusted:
// not those of its group.
func isOpen(mode fs.FileMode, trusted bool) bool {
	others := mode & 0o022
	if trusted {
		others &^= 0o020
	}
	return others != 0 && mode&fs.ModeSticky == 0
}

func ownerOf(info fs.FileInfo) int {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(st.Uid)
}

func groupOf(info fs.FileInfo) int {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(st.Gid)
}

// bind makes the socket inside a folder that nobody else can enter, gives it
// its mode there, and only then moves it into its place: at no moment is it
// there with another mode. It returns what it made.
func bind(path string) (l *net.UnixListener, made fs.FileInfo, err error) {
	switch there, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, nil, err
	case there.Mode().Type() != fs.ModeSocket:
		return nil, nil, fmt.Errorf("%w: %s", ErrOccupied, path)
	}
	hidden := path + ".new"
	inside := filepath.Join(hidden, "s")
	// A service that was killed here may have left both.
	_ = os.Remove(inside)
	_ = os.Remove(hidden)
	if err := os.Mkdir(hidden, 0o700); err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.Remove(hidden) }()
	l, err = net.ListenUnix("unix", &net.UnixAddr{Name: inside, Net: "unix"})
	if err != nil {
		return nil, nil, err
	}
	l.SetUnlinkOnClose(false)
	defer func() {
		if err != nil {
			_ = l.Close()
			_ = os.Remove(inside)
		}
	}()
	if err := os.Chmod(inside, socketMode); err != nil {
		return nil, nil, err
	}
	if made, err = os.Lstat(inside); err != nil {
		return nil, nil, err
	}
	return l, made, os.Rename(inside, path)
}

// listener is the socket.
type listener struct {
	*net.UnixListener
	path string
	made fs.FileInfo // the socket, so that Close removes no other
	held *lockFile
	gate *gate
}

// Accept waits for the next caller who is known and has a place left.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(c)
		if err != nil {
			l.gate.opt.Log.Warn("refused a caller without an identity", "err", err)
			_ = c.Close()
			continue
		}
		if own := l.gate.enter(c, p); own != nil {
			return own, nil
		}
	}
}

// Close stops listening and removes the socket, unless it is another's by now.
func (l *listener) Close() error {
	err := l.UnixListener.Close()
	if there, e := os.Lstat(l.path); e == nil && os.SameFile(there, l.made) {
		err = errors.Join(err, os.Remove(l.path))
	}
	l.held.release()
	return err
}

// peerOf asks the kernel who is at the other end.
func peerOf(c *net.UnixConn) (Peer, error) {
	creds, err := peercred.Get(c)
	if err != nil {
		return Peer{}, fmt.Errorf("ask for the caller's identity: %w", err)
	}
	id, _ := creds.UserID()
	uid, err := strconv.ParseUint(id, 10, 32)
	// The last uid is how the kernel says that it has none.
	if err != nil || uid == 1<<32-1 {
		return Peer{}, fmt.Errorf("the caller's user %q is none", id)
	}
	gid, err := gidOf(c)
	if err != nil {
		return Peer{}, fmt.Errorf("ask for the caller's group: %w", err)
	}
	pid, _ := creds.PID()
	return Peer{UID: int(uid), GID: gid, PID: pid}, nil
}
