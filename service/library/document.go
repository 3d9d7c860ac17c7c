package library

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// document is what holdfast.toml says.
type document struct {
	policy failover.Policy
	groups map[tunnel.Name][]tunnel.Name
}

func newDocument() document {
	return document{policy: failover.DefaultPolicy(), groups: map[tunnel.Name][]tunnel.Name{}}
}

func (d document) clone() document {
	groups := make(map[tunnel.Name][]tunnel.Name, len(d.groups))
	for name, members := range d.groups {
		groups[name] = slices.Clone(members)
	}
	d.groups = groups
	return d
}

func (d document) equal(o document) bool {
	return d.policy == o.policy && maps.EqualFunc(d.groups, o.groups, slices.Equal[[]tunnel.Name])
}

// rename puts one member in another's place.
func (d document) rename(from, to tunnel.Name) {
	for _, members := range d.groups {
		for i, m := range members {
			if strings.EqualFold(string(m), string(from)) {
				members[i] = to
			}
		}
	}
}

// adoptCase gives members the case that their file has. The two can differ only
// after a rename of the case alone was interrupted.
func (d document) adoptCase(tunnels map[tunnel.Name]*tunnel.Config) {
	for _, members := range d.groups {
		for i, m := range members {
			if same, found := sameName(tunnels, m); found {
				members[i] = same
			}
		}
	}
}

// readDocument reads holdfast.toml. No file means the defaults.
func (l *Library) readDocument() (document, error) {
	path := filepath.Join(l.dir, documentName)
	text, err := readFile(path, tunnel.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return newDocument(), nil
	}
	if err != nil {
		return document{}, fmt.Errorf("%s %w: %w", path, ErrDamaged, err)
	}
	d, err := parseDocument(text)
	if err != nil {
		return document{}, fmt.Errorf("%s %w:\n%w\nmend the file, or move it away to begin with the defaults", path, ErrDamaged, err)
	}
	return d, nil
}

// changeDocument changes holdfast.toml, from what it says now: a person may have
// edited it. A file that cannot be read is left as it is. change must be held.
func (l *Library) changeDocument(edit func(*document) error) error {
	d, err := l.readDocument()
	if err != nil {
		return err
	}
	d.adoptCase(l.tunnels)
	if err := edit(&d); err != nil {
		return err
	}
	text := d.render()
	if len(text) > tunnel.MaxBytes {
		return fmt.Errorf("write %s: %w: it would be larger than 256 KiB; remove a group", documentName, ErrInvalid)
	}
	if again, err := parseDocument([]byte(text)); err != nil || !again.equal(d) {
		return fmt.Errorf("write %s: it would read back differently: %w", documentName, cmp.Or(err, ErrInvalid))
	}
	if err := writeFile(filepath.Join(l.dir, documentName), []byte(text)); err != nil {
		return fmt.Errorf("write %s: %w", documentName, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.document = d
	return nil
}

const documentHead = `# The settings and groups of Holdfast. It is written anew on each change made with
# "holdfast settings set" or "holdfast group set": comments are then lost. You may
# edit it while the service does not run. What is not listed has its default.
`

// render writes the settings that are not the default, and all groups.
func (d document) render() string {
	var b strings.Builder
	b.WriteString(documentHead)
	b.WriteString("\n[settings]\n")
	for _, s := range failover.Settings() {
		if v := s.Get(&d.policy); v != s.Default {
			b.WriteString(s.Key + " = " + literal(v) + "\n")
		}
	}
	b.WriteString("\n[groups]\n")
	for _, name := range slices.Sorted(maps.Keys(d.groups)) {
		var members []string
		for _, m := range d.groups[name] {
			members = append(members, strconv.Quote(string(m)))
		}
		b.WriteString(toml.Key{string(name)}.String() + " = [" + strings.Join(members, ", ") + "]\n")
	}
	return b.String()
}

// literal writes a setting's value as TOML: numbers, true and false as such.
func literal(v string) string {
	if _, err := strconv.ParseInt(v, 10, 64); err == nil || v == "true" || v == "false" {
		return v
	}
	return strconv.Quote(v)
}
