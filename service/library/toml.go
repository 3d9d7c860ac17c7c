package library

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// parseDocument reads the text of holdfast.toml strictly. The error is all that
// is wrong, by line.
func parseDocument(text []byte) (document, error) {
	r := &documentReader{document: newDocument()}
	var top map[string]toml.Primitive
	md, err := toml.Decode(string(text), &top)
	if parse, is := errors.AsType[toml.ParseError](err); is {
		return document{}, fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
	}
	if err != nil {
		return document{}, err
	}
	r.md = &md
	for name, value := range top {
		switch name {
		case "settings":
			r.table(name, value, r.setting)
		case "groups":
			r.table(name, value, r.group)
		default:
			r.refuse(value, fmt.Errorf("unknown key %q; there are [settings] and [groups]", name))
		}
	}
	r.settings()
	if len(r.wrong) == 0 {
		return r.document, nil
	}
	slices.SortFunc(r.wrong, func(a, b lineError) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return strings.Compare(a.err.Error(), b.err.Error())
	})
	all := make([]error, len(r.wrong))
	for i, w := range r.wrong {
		all[i] = w
	}
	return document{}, errors.Join(all...)
}

// lineError is what is wrong with one line.
type lineError struct {
	line int
	err  error
}

func (e lineError) Error() string { return "line " + strconv.Itoa(e.line) + ": " + e.err.Error() }

type documentReader struct {
	md       *toml.MetaData
	document document
	wrong    []lineError
	given    map[string]toml.Primitive // settings
}

// errHere asks the TOML package for the line of a value, which it adds to errors.
var errHere = errors.New("here")

// decodeFunc receives a value from the TOML package.
type decodeFunc func(value any) error

// UnmarshalTOML calls f.
func (f decodeFunc) UnmarshalTOML(value any) error { return f(value) }

// read hands the value to f, and notes its error with the value's line.
func (r *documentReader) read(p toml.Primitive, f func(any) error) {
	var wrong error
	_ = r.md.PrimitiveDecode(p, decodeFunc(func(value any) error { wrong = f(value); return nil }))
	if wrong != nil {
		r.refuse(p, wrong)
	}
}

func (r *documentReader) refuse(p toml.Primitive, err error) {
	r.wrong = append(r.wrong, lineError{max(r.line(p), 1), err})
}

// line is where a value stands. A table that only its keys imply has no line of
// its own and stands where its first key does.
func (r *documentReader) line(p toml.Primitive) int {
	err := r.md.PrimitiveDecode(p, decodeFunc(func(any) error { return errHere }))
	if at, is := errors.AsType[toml.ParseError](err); is && at.Position.Line > 0 {
		return at.Position.Line
	}
	var keys map[string]toml.Primitive
	if r.md.PrimitiveDecode(p, &keys) != nil {
		return 0
	}
	first := 0
	for _, value := range keys {
		if at := r.line(value); first == 0 || at > 0 && at < first {
			first = at
		}
	}
	return first
}

// table reads each key of a table.
func (r *documentReader) table(name string, p toml.Primitive, read func(key string, p toml.Primitive)) {
	var keys map[string]toml.Primitive
	if err := r.md.PrimitiveDecode(p, &keys); err != nil || keys == nil {
		r.refuse(p, fmt.Errorf("%s is a table; write [%s] on a line of its own", name, name))
		return
	}
	for key, value := range keys {
		read(key, value)
	}
}

func (r *documentReader) setting(key string, p toml.Primitive) {
	if _, known := failover.Lookup(key); !known {
		r.refuse(p, fmt.Errorf("unknown setting %q; mend its spelling, or remove the line", key))
		return
	}
	if r.given == nil {
		r.given = map[string]toml.Primitive{}
	}
	r.given[key] = p
}

// settings applies what was given, in the order of failover.Settings: the profile
// comes before the numbers it sets.
func (r *documentReader) settings() {
	for _, s := range failover.Settings() {
		p, given := r.given[s.Key]
		if !given {
			continue
		}
		r.read(p, func(value any) error {
			text, err := plain(value)
			if err != nil {
				return fmt.Errorf("setting %s %w", s.Key, err)
			}
			return s.Set(&r.document.policy, text)
		})
	}
}

func plain(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", errors.New("must be a text in quotes, a whole number, true or false")
}

func (r *documentReader) group(key string, p toml.Primitive) {
	r.read(p, func(value any) error {
		name, err := tunnel.ParseName(key)
		if err != nil {
			return err
		}
		list, is := value.([]any)
		if !is {
			return fmt.Errorf("group %q must be a list of names: [\"a\", \"b\"]; a name with a dot needs quotes", key)
		}
		var members []tunnel.Name
		for _, v := range list {
			member, is := v.(string)
			if !is {
				return fmt.Errorf("group %s: each member is a name in quotes", name)
			}
			members = append(members, tunnel.Name(member))
		}
		if err := checkMembers(members); err != nil {
			return fmt.Errorf("group %s: %w", name, err)
		}
		if other, taken := sameName(r.document.groups, name); taken {
			return fmt.Errorf("groups %s and %s differ only in case; rename one", min(name, other), max(name, other))
		}
		r.document.groups[name] = members
		return nil
	})
}
