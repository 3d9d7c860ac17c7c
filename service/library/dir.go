package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"holdfast/service/tunnel"
)

const (
	documentName = "holdfast.toml"
	confSuffix   = ".conf"
)

// leftover is the name of a file that an interrupted write did not rename.
var leftover = regexp.MustCompile(`^\.([A-Za-z0-9_=+.-]{1,15}\.conf(\.dpapi)?|holdfast\.toml)[0-9]+$`)

var (
	errNotAFile = errors.New("it is a link, a directory or a device, not a file; put the file itself there")
	errTooLarge = errors.New("it is larger than 256 KiB")
)

// holdsOnlyOurs says that nothing in a directory is somebody else's, by its name.
func holdsOnlyOurs(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		name := e.Name()
		isTunnel := strings.HasSuffix(name, confSuffix) || strings.HasSuffix(name, system.suffix)
		if !isTunnel && !strings.HasPrefix(name, "holdfast") && !leftover.MatchString(name) {
			return false, nil
		}
	}
	return true, err
}

// sweep removes the leftovers of interrupted writes.
func (l *Library) sweep() error {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && leftover.MatchString(e.Name()) {
			if err := os.Remove(filepath.Join(l.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// readTunnels reads every tunnel: those that are stored, and the texts that were
// not taken in, but for those that have a problem already. What is wrong with one is
// a problem under its name; the error is only for a directory that cannot be listed.
func (l *Library) readTunnels(doc document, problems map[string]error) (map[tunnel.Name]*tunnel.Config, map[string]error, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, nil, err
	}
	tunnels := map[tunnel.Name]*tunnel.Config{}
	for _, e := range entries {
		file := e.Name()
		sealed, found := l.vault.isTunnel(file)
		if _, told := problems[file]; told || !found {
			continue
		}
		name, config, err := l.readTunnel(file, sealed)
		if err == nil {
			if other, taken := sameName(tunnels, name); taken {
				err = fmt.Errorf("the name differs from %s only in case; rename the file", l.vault.file(other))
			}
			if group, taken := sameName(doc.groups, name); taken {
				err = fmt.Errorf("group %s has this name; rename the file", group)
			}
		}
		if err != nil {
			problems[file] = err
			continue
		}
		tunnels[name] = config
	}
	return tunnels, problems, nil
}

func (l *Library) readTunnel(file string, sealed bool) (tunnel.Name, *tunnel.Config, error) {
	name, text, err := l.vault.read(l.dir, file, sealed)
	if err != nil {
		return "", nil, err
	}
	config, err := tunnel.Parse(text)
	return name, config, err
}

// path is where a tunnel's file is.
func (l *Library) path(name tunnel.Name) string {
	return filepath.Join(l.dir, l.vault.file(name))
}

// occupied says that something stands at a tunnel's path, a broken file too.
func (l *Library) occupied(name tunnel.Name) (bool, error) {
	_, err := os.Lstat(l.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// removeFile takes a file away for good: the directory is brought to the disk.
func (l *Library) removeFile(name tunnel.Name) error {
	if err := os.Remove(l.path(name)); err != nil {
		return err
	}
	return syncDir(l.dir)
}
