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
	// ownerOnly is the mode of every file: it may hold a private key.
	ownerOnly fs.FileMode = 0o600
)

// leftover is the name of a file that an interrupted write did not rename.
var leftover = regexp.MustCompile(`^\.([A-Za-z0-9_=+.-]{1,15}\.conf|holdfast\.toml)[0-9]+$`)

var (
	errNotAFile = errors.New("it is a link, a directory or a device, not a file; put the file itself there")
	errTooLarge = errors.New("it is larger than 256 KiB")
)

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

// readTunnels reads every .conf. What is wrong with one is a problem under its
// name; the error is only for a directory that cannot be listed.
func (l *Library) readTunnels(doc document) (map[tunnel.Name]*tunnel.Config, map[string]error, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, nil, err
	}
	tunnels := map[tunnel.Name]*tunnel.Config{}
	problems := map[string]error{}
	for _, e := range entries {
		file := e.Name()
		if strings.HasPrefix(file, ".") || !strings.HasSuffix(strings.ToLower(file), confSuffix) {
			continue
		}
		name, config, err := l.readTunnel(file)
		if err == nil {
			if other, taken := sameName(tunnels, name); taken {
				err = fmt.Errorf("the name differs from %s only in case; rename the file", other+confSuffix)
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

func (l *Library) readTunnel(file string) (tunnel.Name, *tunnel.Config, error) {
	base, found := strings.CutSuffix(file, confSuffix)
	if !found {
		return "", nil, errors.New("the name must end in .conf in small letters; rename the file")
	}
	name, err := tunnel.ParseName(base)
	if err != nil {
		return "", nil, err
	}
	text, err := readFile(filepath.Join(l.dir, file))
	if err != nil {
		return "", nil, err
	}
	config, err := tunnel.Parse(text)
	return name, config, err
}

// path is where a tunnel's file is.
func (l *Library) path(name tunnel.Name) string {
	return filepath.Join(l.dir, string(name)+confSuffix)
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
