package agent

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"
)

// ErrNoHost says that no host of the person's serves the page of this service.
var ErrNoHost = errors.New("nobody serves the page")

// errDoorTaken says that another host of the person's has the door.
var errDoorTaken = errors.New("another host has the door")

const (
	// doorWait is how long one exchange at the door may take; after it the host
	// counts as gone.
	doorWait = 10 * time.Second
	// maxDoor bounds what is read at the door, in bytes.
	maxDoor = 4 << 10
)

// door is where `holdfast open` asks a running host to open the page: a socket
// in a folder that only the person may enter, or a pipe that only they may open.
// Who gets there could read their files just as well, so it asks for nothing more.
type door struct {
	listener net.Listener
	host     *Host
}

// doorRequest is one line of JSON, and so is its answer.
type doorRequest struct {
	Way   Way  `json:"way"`   // "": as fits the browser
	Print bool `json:"print"` // answer with the address, and open nothing
}

type doorReply struct {
	URL     string `json:"url"`     // the page, without a code
	Address string `json:"address"` // where Print: what a browser must be given
	Error   string `json:"error"`   // "": done
}

// doorPath is the door of the host for a service's socket: each has its own, so
// that the demo's page is not opened in the place of the service's.
func doorPath(dir, socket string) string {
	sum := sha256.Sum256([]byte(socket))
	return filepath.Join(dir, "page-"+hex.EncodeToString(sum[:4])+".sock")
}

// openDoor listens at the door, unless another host does.
func openDoor(dir, socket string, h *Host) (*door, error) {
	l, err := listenDoor(doorPath(dir, socket))
	if err != nil {
		return nil, fmt.Errorf("listen for holdfast open: %w", err)
	}
	return &door{listener: l, host: h}, nil
}

// serve answers until close. It ends with the host.
func (d *door) serve() {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.answer(c)
		_ = c.Close()
	}
}

// answer hears one request out. One at a time is enough: all are the person's.
func (d *door) answer(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(doorWait))
	var in doorRequest
	line, err := bufio.NewReader(io.LimitReader(c, maxDoor)).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &in) != nil {
		return
	}
	out := doorReply{URL: d.host.URL()}
	if err := d.do(in, &out); err != nil {
		out.Error = err.Error()
	}
	_ = json.NewEncoder(c).Encode(out)
}

func (d *door) do(in doorRequest, out *doorReply) (err error) {
	if in.Print {
		out.Address, err = d.host.Address(in.Way)
		return err
	}
	return d.host.OpenBy(context.Background(), in.Way)
}

func (d *door) close() { _ = d.listener.Close() }

// Knock asks the person's running host of a service's page to open it, and
// returns the page's address without a code. Way "": as fits the browser.
// ErrNoHost: there is none.
func Knock(ctx context.Context, runtimeDir, socket string, way Way) (url string, err error) {
	out, err := knock(ctx, runtimeDir, socket, doorRequest{Way: way})
	return out.URL, err
}

// KnockForAddress asks a running host for what a browser must be given to open
// the page, as Host.Address. ErrNoHost: there is none.
func KnockForAddress(ctx context.Context, runtimeDir, socket string, way Way) (address string, err error) {
	out, err := knock(ctx, runtimeDir, socket, doorRequest{Way: way, Print: true})
	return out.Address, err
}

func knock(ctx context.Context, dir, socket string, in doorRequest) (out doorReply, err error) {
	if dir, err = openFolder(dir); err != nil {
		return out, err
	}
	c, err := dialDoor(ctx, doorPath(dir, socket))
	if err != nil {
		return out, fmt.Errorf("%w: %w", ErrNoHost, err)
	}
	defer func() { _ = c.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	_ = c.SetDeadline(time.Now().Add(doorWait))
	if err := json.NewEncoder(c).Encode(in); err != nil {
		return out, fmt.Errorf("%w: %w", ErrNoHost, err)
	}
	if err := json.NewDecoder(io.LimitReader(c, maxDoor)).Decode(&out); err != nil {
		return out, fmt.Errorf("%w: %w", ErrNoHost, err)
	}
	if out.Error != "" {
		return out, errors.New(out.Error)
	}
	return out, nil
}
