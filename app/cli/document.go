package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"holdfast/service/tunnel"
)

// document is one configuration text as it was read, and what it becomes.
type document struct {
	source string      // the file's name, for messages
	name   tunnel.Name // what the tunnel is to be called; "" where nobody asked
	text   []byte
	config *tunnel.Config // nil: it has problems
	faults tunnel.Problems
}

// readDocuments reads files as the person who runs the program; "-" is stdin,
// and a zip archive is every .conf in it. Where wantNames is set each gets the
// name of its file, or name, which only a single document can have. Nothing is
// parsed yet.
func (p *program) readDocuments(ctx context.Context, paths []string, name string, wantNames bool) ([]document, error) {
	var docs []document
	for _, path := range paths {
		more, err := interruptible(ctx, func() ([]document, error) { return p.readDocument(path) })
		if err != nil {
			return nil, err
		}
		docs = append(docs, more...)
	}
	if !wantNames {
		return docs, nil
	}
	if name != "" && len(docs) != 1 {
		return nil, misused("import them one by one, or leave --name out", "--name names one tunnel, but there are %d", len(docs))
	}
	for i := range docs {
		if err := docs[i].takeName(name); err != nil {
			return nil, err
		}
	}
	return docs, distinct(docs)
}

// interruptible is what do returns, or the context's error: to wait for stdin or
// a pipe cannot be stopped otherwise. Where the person interrupts, the reading is
// left behind to the end of the program.
func interruptible[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	got := make(chan answer, 1)
	go func() {
		value, err := do()
		got <- answer{value, err}
	}()
	select {
	case a := <-got:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// readDocument reads one path.
func (p *program) readDocument(path string) ([]document, error) {
	if path == "-" {
		text, err := readLimited(p.in, tunnel.MaxBytes)
		if err != nil {
			return nil, unreadable("stdin", err)
		}
		return []document{{source: "stdin", text: text}}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, misused("name the files in it: holdfast tunnel import "+filepath.Join(path, "*.conf"), "%s is a folder", path)
	}
	limit := int64(tunnel.MaxBytes)
	if strings.EqualFold(filepath.Ext(path), ".zip") {
		limit = maxZipBytes
	}
	text, err := readLimited(file, limit)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if isZip(text) {
		return readZip(path, text)
	}
	return []document{{source: path, text: text}}, nil
}

// errTooLong says that a text is longer than its limit.
var errTooLong = errors.New("it is too long")

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%w: more than %s", errTooLong, size(float64(limit)))
	}
	return text, nil
}

// unreadable gives a file's error its exit code.
func unreadable(path string, err error) error {
	f := &failure{code: exitFailed, message: "read " + path + ": " + reason(err), err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.code, f.hint = exitNotFound, "see whether the path is right; it is read from the current folder"
	case errors.Is(err, fs.ErrPermission):
		f.code, f.hint = exitNotPermitted, "the file is read with your own rights; see: ls -l"
	case errors.Is(err, errTooLong):
		f.code, f.hint = exitInvalid, "a .conf is a short text; is this the right file?"
	}
	return f
}

// reason is err without the path that the message names already.
func reason(err error) string {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err.Error()
	}
	return err.Error()
}

// takeName finds what the tunnel is to be called.
func (d *document) takeName(given string) error {
	word := given
	if word == "" {
		if d.source == "stdin" {
			return misused("say what to call it: holdfast tunnel import --name NAME -", "a text from stdin has no name")
		}
		word = filepath.Base(d.source)
		if ext := filepath.Ext(word); strings.EqualFold(ext, ".conf") {
			word = strings.TrimSuffix(word, ext)
		}
	}
	name, err := tunnel.ParseName(word)
	if err != nil {
		if given != "" {
			return misused("", "%s", err)
		}
		return misused("say what to call it: holdfast tunnel import --name NAME FILE", "%s: %s", d.source, err)
	}
	d.name = name
	return nil
}

// distinct refuses two documents of one name, letter case aside.
func distinct(docs []document) error {
	seen := make(map[string]string)
	for _, d := range docs {
		key := strings.ToLower(string(d.name))
		if first, again := seen[key]; again {
			return misused("import them one by one with --name", "%s and %s would both be called %s", first, d.source, d.name)
		}
		seen[key] = d.source
	}
	return nil
}

// check parses every document and returns how many problems there are in how
// many of them.
func check(docs []document) (problems, faulty int) {
	for i := range docs {
		d := &docs[i]
		config, err := tunnel.Parse(d.text)
		if err == nil {
			d.config = config
			continue
		}
		if !errors.As(err, &d.faults) {
			d.faults = tunnel.Problems{{Message: err.Error()}}
		}
		problems += len(d.faults)
		faulty++
	}
	return problems, faulty
}

// faultLines are the problems of a document as compilers print them:
// "file:line: message".
func (d *document) faultLines() []string {
	var lines []string
	for _, f := range d.faults {
		where := d.source
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d", d.source, f.Line)
		}
		words := f.Message
		if f.Key != "" {
			words = f.Key + ": " + words
		}
		lines = append(lines, where+": "+words)
	}
	return lines
}

// tellFaults prints all problems on stderr, and the error that sums them up.
func (p *program) tellFaults(docs []document, problems, faulty int, outcome string) error {
	for i := range docs {
		for _, line := range docs[i].faultLines() {
			p.note("%s", printable(line))
		}
	}
	return &failure{
		code:    exitInvalid,
		message: fmt.Sprintf("%s: %s in %s", outcome, count(problems, "problem"), count(faulty, "file")),
	}
}

// tellWarnings prints what a person should know about a config before it is used.
func (p *program) tellWarnings(d *document) {
	for _, w := range d.config.Warnings() {
		p.note("%s: warning: %s", printable(d.source), printable(w.Message))
		for _, detail := range w.Details {
			p.note("    %s", printable(detail))
		}
	}
}
