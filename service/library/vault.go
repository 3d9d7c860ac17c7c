package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"holdfast/service/tunnel"
)

// A vault is how tunnels lie on the disk: as they are, or sealed, so that they are
// worth nothing on another computer.
type vault struct {
	// suffix is what follows a tunnel's name in its file's: confSuffix for text, and
	// something behind that for what is sealed.
	suffix string
	// seal and unseal turn a tunnel's text into what is stored, and back. A sealed
	// tunnel can be unsealed under its own name alone, in any case of letters. Nil: it
	// is stored as it is.
	seal, unseal func(name tunnel.Name, data []byte) ([]byte, error)
}

// sealedMore is by how much what is sealed may be longer than the text.
const sealedMore = 4 << 10

// seals says that texts are not left as they are.
func (v vault) seals() bool { return v.seal != nil }

// file is the name of a tunnel's file.
func (v vault) file(name tunnel.Name) string { return string(name) + v.suffix }

// isTunnel says that a file is one of a tunnel, and whether it is sealed.
func (v vault) isTunnel(file string) (sealed, yes bool) {
	lower := strings.ToLower(file)
	switch {
	case strings.HasPrefix(file, "."):
		return false, false
	case v.seals() && strings.HasSuffix(lower, v.suffix):
		return true, true
	}
	return false, strings.HasSuffix(lower, confSuffix)
}

// read reads a tunnel from one of the two kinds of files.
func (v vault) read(dir, file string, sealed bool) (name tunnel.Name, text []byte, err error) {
	suffix, most := confSuffix, tunnel.MaxBytes
	if sealed {
		suffix, most = v.suffix, tunnel.MaxBytes+sealedMore
	}
	base, found := strings.CutSuffix(file, suffix)
	if !found {
		return "", nil, fmt.Errorf("the name must end in %s in small letters; rename the file", suffix)
	}
	if name, err = tunnel.ParseName(base); err != nil {
		return "", nil, err
	}
	if text, err = readFile(filepath.Join(dir, file), most); err != nil || !sealed {
		return name, text, err
	}
	text, err = v.unseal(name, text)
	return name, text, err
}

// write stores a tunnel's text.
func (v vault) write(path string, name tunnel.Name, text []byte) error {
	if v.seals() {
		sealed, err := v.seal(name, text)
		if err != nil {
			return err
		}
		text = sealed
	}
	return writeFile(path, text)
}

// takeIn seals the texts that somebody has put into the directory, and takes them
// away. What is wrong with one is a problem under its name: it stays as it is, and
// so does what was stored before.
func (l *Library) takeIn() (map[string]error, error) {
	problems := map[string]error{}
	if !l.vault.seals() {
		return problems, nil
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		sealed, found := l.vault.isTunnel(e.Name())
		if sealed || !found {
			continue
		}
		if err := l.takeInOne(e.Name()); err != nil {
			problems[e.Name()] = err
		}
	}
	return problems, nil
}

func (l *Library) takeInOne(file string) error {
	name, text, err := l.vault.read(l.dir, file, false)
	if err != nil {
		return err
	}
	if _, err := tunnel.Parse(text); err != nil {
		return err
	}
	stored, err := l.stored(name)
	if err != nil {
		return err
	}
	if stored == nil {
		if err := l.vault.write(l.path(name), name, text); err != nil {
			return fmt.Errorf("it cannot be stored: %w", err)
		}
	} else if string(stored) != string(text) {
		return fmt.Errorf("tunnel %s %w; remove this file, or %s", name, ErrExists, l.vault.file(name))
	}
	if err := os.Remove(filepath.Join(l.dir, file)); err != nil {
		return fmt.Errorf("it was stored, sealed; remove this file, which can be read: %w", err)
	}
	return syncDir(l.dir)
}

// stored is the text of a tunnel that is sealed; nil: there is none of that name.
// One that cannot be unsealed counts as another text.
func (l *Library) stored(name tunnel.Name) ([]byte, error) {
	_, text, err := l.vault.read(l.dir, l.vault.file(name), true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errSealed):
		return []byte{}, nil
	}
	return text, err
}

// errSealed says that a tunnel is stored and cannot be unsealed here.
var errSealed = errors.New("it cannot be unsealed: it was stored on another computer, or by another account; import the tunnel again")
