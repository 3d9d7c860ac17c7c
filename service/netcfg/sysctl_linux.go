package netcfg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const sysctlRoot = "/proc/sys/net/"

// sysctl is a kernel setting that we changed: below sysctlRoot, as it was, and
// as we set it. It is put back only where it still is as we set it.
type sysctl struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	Set    string `json:"set"`
}

func readSysctl(path string) (string, error) {
	text, err := os.ReadFile(sysctlRoot + path)
	return strings.TrimSpace(string(text)), err
}

func writeSysctl(path, value string) error {
	if err := os.WriteFile(sysctlRoot+path, []byte(value), 0); err != nil {
		return fmt.Errorf("set %s: %w", path, err)
	}
	return nil
}

func (s sysctl) restore() error {
	now, err := readSysctl(s.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && now != s.Set {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", s.Path, err)
	}
	return writeSysctl(s.Path, s.Before)
}

// setSysctl changes a setting and keeps how it was. It returns an error where
// the system does not allow it, as containers do.
func (m *Manager) setSysctl(path, value string) error {
	now, err := readSysctl(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if now == value {
		return nil
	}
	kept := sysctl{Path: path, Before: now, Set: value}
	i := slices.IndexFunc(m.journal.Sysctls, func(s sysctl) bool { return s.Path == path })
	if i < 0 {
		m.journal.Sysctls = append(m.journal.Sysctls, kept)
	} else {
		m.journal.Sysctls[i].Set = value
	}
	if err := m.note(); err != nil {
		return err
	}
	return writeSysctl(path, value)
}

// restoreSysctls puts back those settings that done says are not needed.
func (m *Manager) restoreSysctls(done func(path string) bool) error {
	var errs []error
	over := map[string]bool{} // done may read the journal, which changes below
	for _, s := range m.journal.Sysctls {
		over[s.Path] = done(s.Path)
	}
	m.journal.Sysctls = slices.DeleteFunc(m.journal.Sysctls, func(s sysctl) bool {
		if !over[s.Path] {
			return false
		}
		err := s.restore()
		errs = append(errs, err)
		return err == nil
	})
	return errors.Join(errs...)
}

const srcValidMark = "ipv4/conf/all/src_valid_mark"

// kernelHasIPv6 says that there may be IPv6 on some interface.
func kernelHasIPv6() bool {
	_, err := readSysctl("ipv6/conf/all/disable_ipv6")
	return err == nil
}

// haveIPv6 says that the interface can carry IPv6, which it makes possible
// where it is switched off for this interface alone.
func (m *Manager) haveIPv6(iface string) bool {
	own := disableIPv6(iface)
	off, err := readSysctl(own)
	if err != nil {
		return false
	}
	if off == "0" {
		return true
	}
	if all, err := readSysctl("ipv6/conf/all/disable_ipv6"); err != nil || all != "0" {
		return false
	}
	return m.setSysctl(own, "0") == nil
}
