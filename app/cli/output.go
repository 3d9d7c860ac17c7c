package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"holdfast/service/status"
)

// program is one run of the command line: where it reads and writes, and what
// the flags that every command has said.
type program struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string

	socket string // --socket; "": HOLDFAST_SOCKET, else the system's
	json   bool   // --json

	// root says that this account may change what the kernel keeps.
	root func() bool
	// release opens the guard where the service does not answer: it removes what
	// any service left in the kernel that has its things in these folders.
	release func(ctx context.Context, configDir, stateDir string) error
	// shut says whether the guard's rules are in force, whoever made them.
	shut func() (bool, error)

	// browse opens an address in the person's browser. Nil: the system's way.
	browse func(address string) error
}

// say writes data to stdout.
func (p *program) say(format string, args ...any) error {
	_, err := fmt.Fprintf(p.out, format, args...)
	return written(err)
}

// note writes a line for the person to stderr.
func (p *program) note(format string, args ...any) {
	// Where stderr cannot be written there is nobody to tell.
	_, _ = fmt.Fprintf(p.err, format+"\n", args...)
}

// object prints fields as the one JSON object of a command: "schema" first,
// then the fields of v, which must be a struct or a map.
func (p *program) object(v any) error {
	line, err := schemaed(v)
	if err != nil {
		return err
	}
	return p.say("%s\n", line)
}

// schemaed is v as JSON with "schema" as its first field, whether or not v
// carries one.
func schemaed(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	var has struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(raw, &has); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	if has.Schema != 0 {
		return raw, nil
	}
	head := fmt.Sprintf(`{"schema":%d`, status.Schema)
	if len(raw) > len("{}") {
		head += ","
	}
	return append([]byte(head), raw[1:]...), nil
}

// done ends a command that changed something: a line on stderr, or fields as
// JSON on stdout.
func (p *program) done(fields map[string]any, format string, args ...any) error {
	if p.json {
		return p.object(fields)
	}
	p.note("%s", printable(fmt.Sprintf(format, args...)))
	return nil
}

// clock is the moment as a person reads it, in the zone of this computer.
func clock(at time.Time) string { return at.Local().Format("2006-01-02 15:04:05") }

func written(err error) error {
	if err != nil {
		return failed(err, "", "write output")
	}
	return nil
}
