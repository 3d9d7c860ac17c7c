package agent

import (
	"context"
	"fmt"
)

// A Way is how a code gets into the browser.
type Way string

// The ways. ByFile is the better: the code is in a file that only the person can
// read, and in no address. ByLink is for a browser that cannot read the file,
// because it is kept in a box (snap, Flatpak) or on another computer (through ssh,
// whose end here is the person's): the code is in the fragment, which browsers send
// to nobody; while the browser starts, other accounts may see it among its
// arguments, and cannot use it.
const (
	ByFile Way = "file"
	ByLink Way = "link"
)

// Open opens the page in the person's browser, with a session of its own. Each
// call makes a new code.
func (h *Host) Open(ctx context.Context) error { return h.OpenBy(ctx, "") }

// OpenBy is Open, in the way that is asked for. "": as fits the browser.
func (h *Host) OpenBy(ctx context.Context, way Way) error {
	if way == "" {
		way = wayTo(ctx)
	}
	address, err := h.Address(way)
	if err != nil {
		return err
	}
	browse := h.opt.Browse
	if browse == nil {
		browse = browseSystem
	}
	if err := browse(address); err != nil {
		return fmt.Errorf("open a browser: %w", err)
	}
	return nil
}

// Address is what a browser must be given to open the page with a new session,
// once, and within half a minute (ByLink: a minute).
func (h *Host) Address(way Way) (string, error) {
	if way == ByLink {
		return h.URL() + "#c=" + h.codes.mint(linkCodeLife, nil), nil
	}
	path, err := h.files.write(h.dir, h.URL()+login[1:], func(used func()) string { return h.codes.mint(fileCodeLife, used) })
	if err != nil {
		return "", err
	}
	return fileURL(path), nil
}
