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
func (h *Host) OpenBy(ctx context.Context, way Way) error { return h.open(ctx, way, "") }

// OpenNotice is Open, and the page brings a notice into view. 0: none. By a link
// the page begins with the gravest, whichever was asked for.
func (h *Host) OpenNotice(ctx context.Context, id int64) error {
	view := ""
	if id > 0 {
		view = fmt.Sprintf("#/now/%d", id)
	}
	return h.open(ctx, "", view)
}

func (h *Host) open(ctx context.Context, way Way, view string) error {
	if way == "" {
		way = wayTo(ctx)
	}
	address, err := h.address(way, view)
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
func (h *Host) Address(way Way) (string, error) { return h.address(way, "") }

// address is Address of a view of the page, as a fragment. "": its beginning.
func (h *Host) address(way Way, view string) (string, error) {
	if way == ByLink {
		return h.URL() + "#c=" + h.codes.mint(linkCodeLife, nil), nil
	}
	path, err := h.files.write(h.dir, h.URL()+login[1:]+view, func(used func()) string { return h.codes.mint(fileCodeLife, used) })
	if err != nil {
		return "", err
	}
	return fileURL(path), nil
}
