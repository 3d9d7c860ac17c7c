package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

const (
	knownName = dbName + ".known"
	// knownSize is the fixed size of the note: rewriting it in place needs no
	// room on a full disk and stays within one sector.
	knownSize = 256
)

// known is the note beside the database: what must still be known when the
// database is damaged or gone. It is best effort; a note that cannot be read
// says nothing.
type known struct {
	path string

	mu   sync.Mutex
	note note // guarded by mu
	// isKept says that note is what the file says; guarded by mu.
	isKept bool
}

type note struct {
	// Rows: the database has had rows.
	Rows bool `json:"rows"`
	// Reserved: no ID above it has been given to the database.
	Reserved int64 `json:"reserved"`
	// Streamed: no ID above it has been streamed without being in the database.
	Streamed int64 `json:"streamed"`
	// Clean: the database was closed and nothing has opened it since.
	Clean bool `json:"clean"`
}

func (k *known) load() note {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.note, k.isKept = note{}, false
	if refuseLink(k.path) != nil {
		return k.note
	}
	data, err := os.ReadFile(k.path)
	if err != nil {
		return k.note
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	var n note
	if json.Unmarshal(line, &n) == nil && bytes.Equal(n.encode(), data) {
		k.note, k.isKept = n, true
	}
	return k.note
}

// says returns the highest ID that may have been given out, and whether there is
// a note that says so.
func (k *known) says() (last int64, isKept bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return max(k.note.Reserved, k.note.Streamed), k.isKept
}

func (n note) encode() []byte {
	line, err := json.Marshal(n)
	if err != nil {
		panic("a note of numbers always marshals: " + err.Error())
	}
	sum := sha256.Sum256(line)
	out := fmt.Appendf(nil, "%s\n%x\n", line, sum)
	return append(out, bytes.Repeat([]byte(" "), max(0, knownSize-len(out)))...)
}

// change rewrites the note where f changes it, on disk before it returns.
func (k *known) change(f func(*note)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.note
	if f(&n); n == k.note && k.isKept {
		return nil
	}
	if err := refuseLink(k.path); err != nil {
		return err
	}
	file, err := os.OpenFile(k.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("note history: %w", err)
	}
	_, err = file.WriteAt(n.encode(), 0)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("note history: %w", err)
	}
	k.note, k.isKept = n, true
	return nil
}

// reserve makes sure that id is covered by the note, a stride ahead.
func (k *known) reserve(id int64) error {
	return k.change(func(n *note) {
		n.Rows = true
		if id > n.Reserved {
			n.Reserved = id + idStride
		}
	})
}

// stream makes sure that id is covered where it was streamed but not stored.
func (k *known) stream(id int64) error {
	return k.change(func(n *note) {
		if id > n.Streamed {
			n.Streamed = id + idStride
		}
	})
}
