package library

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/BurntSushi/toml"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// Look reads the directory for one who only wants to know, beside the Library
// that may be open for it or before there is one: it makes nothing and removes
// nothing, and the disk need not be writable. Where there is no directory it
// finds no tunnels and the defaults. Its errors are those of Reload.
func Look(dir string) (*Library, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("look into library: %w", err)
	}
	l := &Library{dir: dir, vault: system, looks: true}
	switch err := l.Reload(); {
	case errors.Is(err, fs.ErrNotExist):
		l.document = newDocument()
	case err != nil:
		return nil, fmt.Errorf("look into library: %w", err)
	}
	return l, nil
}

// GuardSetting reads the guard's mode from holdfast.toml, whatever else in it
// will not do. Where the file does not say, it is the default. An error says
// that the mode is not known.
func GuardSetting(dir string) (failover.Guard, error) {
	policy := failover.DefaultPolicy()
	text, err := readFile(filepath.Join(dir, documentName), tunnel.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return policy.Guard, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the guard's mode: %w", err)
	}
	var file struct {
		Settings struct {
			Guard *string `toml:"guard"`
		} `toml:"settings"`
	}
	if err := toml.Unmarshal(text, &file); err != nil {
		return "", fmt.Errorf("read the guard's mode: %w", err)
	}
	if file.Settings.Guard == nil {
		return policy.Guard, nil
	}
	setting, _ := failover.Lookup("guard")
	if err := setting.Set(&policy, *file.Settings.Guard); err != nil {
		return "", fmt.Errorf("read the guard's mode: %w", err)
	}
	return policy.Guard, nil
}
