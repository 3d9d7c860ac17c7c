package netcfg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// A journal says what has to be put back. It is written before the change it
// speaks of, so it may name what never came about, and never misses what did.
// Routes and rules are not in it: the kernel knows them as ours.
type journal struct {
	Schema  int       `json:"schema"`
	Boot    string    `json:"boot"`
	Links   []*linked `json:"links,omitempty"`
	Sysctls []sysctl  `json:"sysctls,omitempty"`
	DNS     *dnsKept  `json:"dns,omitempty"`
}

// linked is an interface as it was, and the addresses that we gave it.
type linked struct {
	Name      string         `json:"name"`
	Index     int            `json:"index"`
	WasUp     bool           `json:"was_up"`
	WasMTU    int            `json:"was_mtu"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
}

func (j *journal) empty() bool { return len(j.Links) == 0 && len(j.Sysctls) == 0 && j.DNS == nil }

// link returns what is kept about an interface, or nil. An interface that was
// deleted and made again under its name is another one.
func (j *journal) link(name string, index int) *linked {
	for _, l := range j.Links {
		if l.Name == name && l.Index == index {
			return l
		}
	}
	return nil
}

// readJournal returns the journal of the process before, which is an empty one
// where that left nothing. After a restart of the machine only files are left
// of what it did.
func readJournal(dir string) (*journal, error) {
	fresh := &journal{Schema: 1, Boot: bootID()}
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return fresh, fmt.Errorf("read journal: %w", err)
	}
	var j journal
	if err := json.Unmarshal(text, &j); err != nil {
		return fresh, fmt.Errorf("read journal: %w", err)
	}
	if j.Schema != fresh.Schema {
		return fresh, fmt.Errorf("read journal: schema %d is not known", j.Schema)
	}
	if j.Boot != fresh.Boot {
		fresh.DNS = j.DNS
		if fresh.DNS != nil && fresh.DNS.File == nil {
			fresh.DNS = nil
		}
		return fresh, nil
	}
	return &j, nil
}

// write puts the journal into its file, whole or not at all. With a file of the
// system in it, it is on the disk when write returns nil: that is replaced next,
// and outlives a power cut. All else ends with the kernel, and is not waited for.
func (j *journal) write(dir string) error {
	path := filepath.Join(dir, journalName)
	if j.empty() {
		for _, p := range []string{path, path + ".new"} {
			if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove journal: %w", err)
			}
		}
		return nil
	}
	text, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	lasting := j.DNS != nil && j.DNS.File != nil
	if err := replaceFile(path, path+".new", text, 0o600, lasting); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// note writes the journal. Where it cannot be written, as on a full disk, that
// matters only while something is in it that outlives the interface: all else
// goes with the interface, or is found by its numbers.
func (m *Manager) note() error {
	err := m.journal.write(m.StateDir)
	if err == nil || m.journal.outlives() {
		return err
	}
	m.Log.Warn("what has to be put back is only kept in memory", "err", err)
	return nil
}

// outlives says that the journal names what a killed process would leave for good.
func (j *journal) outlives() bool { return j.DNS != nil && j.DNS.Backend != byResolved }

// syncDir makes the names in a folder outlive a power cut.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(id))
}
