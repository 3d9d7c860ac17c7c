package netcfg

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// How the file that was there is kept.
const (
	keptAside  = "aside"  // under another name beside it, as it is: a file or a link
	keptCopy   = "copy"   // its bytes in StateDir, where it cannot be renamed
	keptAbsent = "absent" // there was none
)

// keptFile is what is known of a resolv.conf that we replaced.
type keptFile struct {
	Path string `json:"path"`
	How  string `json:"how"`
	// Kept is where the original is.
	Kept string `json:"kept,omitempty"`
	// Ours are the contents which the file may have by us: while one replaces
	// another there are two.
	Ours []string `json:"ours"`
}

const resolvConfHeader = "# Written by Holdfast while its tunnel is up. The file that was here comes back after it.\n"

func resolvConfText(d *dnsKept) []byte {
	var b bytes.Buffer
	b.WriteString(resolvConfHeader)
	for _, a := range d.Servers {
		fmt.Fprintf(&b, "nameserver %v\n", a)
	}
	if len(d.Search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(d.Search, " "))
	}
	return b.Bytes()
}

// isOurs says that the file is one that we wrote. A file that is written in
// place may be cut short by a crash, so its beginning is enough.
func (f *keptFile) isOurs() (bool, error) {
	info, err := os.Lstat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, nil
	}
	now, err := os.ReadFile(f.Path)
	if err != nil {
		return false, err
	}
	for _, ours := range f.Ours {
		if string(now) == ours || f.How == keptCopy && strings.HasPrefix(ours, string(now)) {
			return true, nil
		}
	}
	return false, nil
}

// writeResolvConf puts our resolv.conf in the place of the one that is there,
// which is kept. One that somebody put there since is the one that is kept.
func (m *Manager) writeResolvConf(d *dnsKept) error {
	text := resolvConfText(d)
	if f := d.File; f != nil {
		ours, err := f.isOurs()
		if err != nil {
			return err
		}
		if ours {
			return m.rewrite(d, text)
		}
		if err := m.restoreResolvConf(f); err != nil {
			return err
		}
	}
	f := &keptFile{Path: m.ResolvConf, Ours: []string{string(text)}}
	d.File = f
	_, err := os.Lstat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.How = keptAbsent
		if err := m.noteDNS(d); err != nil {
			return err
		}
		return replaceFile(f.Path, f.temp(), text, 0o644, true)
	case err != nil:
		return err
	}
	err = m.keepAside(d, text)
	if inPlaceOnly(err) {
		return m.keepCopy(d, text)
	}
	return err
}

// inPlaceOnly says that an error is that of a file which cannot be renamed:
// one that is mounted, as in containers, or is in a folder that is closed.
func inPlaceOnly(err error) bool {
	for _, e := range []error{unix.EXDEV, unix.EBUSY, unix.EACCES, unix.EPERM, unix.EROFS, unix.ENOTSUP} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (f *keptFile) temp() string  { return f.beside("new") }
func (f *keptFile) aside() string { return f.beside("kept") }
func (f *keptFile) beside(what string) string {
	return filepath.Join(filepath.Dir(f.Path), ".holdfast-"+filepath.Base(f.Path)+"."+what)
}

// keepAside gives the original a second name, and then its first one to ours,
// so that at no moment there is none.
func (m *Manager) keepAside(d *dnsKept, text []byte) error {
	f := d.File
	f.How, f.Kept = keptAside, f.aside()
	if err := m.noteDNS(d); err != nil {
		return err
	}
	if err := os.Link(f.Path, f.Kept); err != nil {
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		// No journal speaks of it, so it is not the original of anything.
		if err := errors.Join(os.Remove(f.Kept), os.Link(f.Path, f.Kept)); err != nil {
			return err
		}
	}
	if err := replaceFile(f.Path, f.temp(), text, 0o644, true); err != nil {
		return errors.Join(err, os.Remove(f.Kept))
	}
	return nil
}

// keepCopy copies the original to StateDir and writes ours into its file.
func (m *Manager) keepCopy(d *dnsKept, text []byte) error {
	f := d.File
	original, err := os.ReadFile(f.Path)
	if err != nil {
		return err
	}
	kept := filepath.Join(m.StateDir, "resolv.conf.kept")
	if err := replaceFile(kept, kept+".new", original, 0o600, true); err != nil {
		return err
	}
	f.How, f.Kept = keptCopy, kept
	if err := m.noteDNS(d); err != nil {
		return err
	}
	return overwrite(f.Path, text)
}

// overwrite gives a file a new content without giving it a new inode. It does
// not follow a link: the original of that is somebody else's.
func overwrite(path string, text []byte) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return errors.Join(err, w.Sync(), w.Close())
}

// rewrite replaces our content by another one of ours.
func (m *Manager) rewrite(d *dnsKept, text []byte) error {
	f := *d.File
	if now, err := os.ReadFile(f.Path); err == nil && bytes.Equal(now, text) {
		f.Ours = []string{string(text)}
		d.File = &f
		return m.noteDNS(d)
	}
	f.Ours = append([]string{string(text)}, f.Ours...)
	d.File = &f
	if err := m.noteDNS(d); err != nil {
		return err
	}
	if f.How == keptCopy {
		return overwrite(f.Path, text)
	}
	return replaceFile(f.Path, f.temp(), text, 0o644, true)
}

// restoreResolvConf puts the original back, byte for byte and with its mode.
// Where the file is no more ours, somebody wants it as it is: it stays.
func (m *Manager) restoreResolvConf(f *keptFile) error {
	if f == nil {
		return nil
	}
	if err := os.Remove(f.temp()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ours, err := f.isOurs()
	if err != nil {
		return err
	}
	switch f.How {
	case keptAbsent:
		if ours {
			return os.Remove(f.Path)
		}
	case keptAside:
		return m.putBack(f, ours)
	case keptCopy:
		return m.copyBack(f, ours)
	}
	return nil
}

func (m *Manager) putBack(f *keptFile, ours bool) error {
	kept, err := os.Lstat(f.Kept)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was not yet replaced
	}
	if err != nil {
		return err
	}
	now, err := os.Lstat(f.Path)
	if ours || errors.Is(err, fs.ErrNotExist) {
		return errors.Join(os.Rename(f.Kept, f.Path), syncDir(filepath.Dir(f.Path)))
	}
	if err == nil && !os.SameFile(kept, now) {
		m.Log.Warn("resolv.conf was changed by somebody else and is left as it is")
	}
	return os.Remove(f.Kept)
}

func (m *Manager) copyBack(f *keptFile, ours bool) error {
	original, err := os.ReadFile(f.Kept)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	now, err := os.ReadFile(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch {
	case bytes.Equal(now, original):
	case ours || bytes.HasPrefix(original, now):
		if err := overwrite(f.Path, original); err != nil {
			return err
		}
	default:
		m.Log.Warn("resolv.conf was changed by somebody else and is left as it is")
	}
	return os.Remove(f.Kept)
}
