package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"holdfast/service/status"
)

// ErrWishDamaged says that a wish was kept and no copy can be read. What the
// person asked for is not known: hold the guard shut and say so.
var ErrWishDamaged = errors.New("the kept wish cannot be read")

// wishMost is far more than a wish needs; a longer file is not one.
const wishMost = 4096

type wish = status.Wish

// WishFile keeps the wish in two copies, each with a number and a checksum. It
// needs no Store: the wish must be known where the history cannot be opened.
// Its methods may be called from any goroutine.
type WishFile struct {
	copies [2]string

	mu sync.Mutex // held through reading and writing
}

// NewWishFile names the files in dir. It reads nothing yet.
func NewWishFile(dir string) *WishFile {
	first := filepath.Join(dir, "wish.json")
	return &WishFile{copies: [2]string{first, first + ".1"}}
}

// numbered is what one copy says.
type numbered struct {
	// Number grows with every Save, so that after a crash between the copies
	// the newer is known.
	Number uint64 `json:"number"`
	Wish   wish   `json:"wish"`
}

// Save keeps w. When it returns nil both copies are on disk. After an error the
// kept wish is the old one or the new one.
func (f *WishFile) Save(w wish) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := makeDir(filepath.Dir(f.copies[0])); err != nil {
		return fmt.Errorf("save wish: %w", err)
	}
	last, _, err := f.newest()
	if err != nil && !errors.Is(err, ErrWishDamaged) {
		return fmt.Errorf("save wish: %w", err)
	}
	return f.write(numbered{Number: last.Number + 1, Wish: w})
}

// Load returns the newest copy that is whole and repairs the other. The zero
// Wish without an error means that nobody ever asked. It answers ErrWishDamaged
// where there are copies and none is whole.
func (f *WishFile) Load() (wish, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, whole, err := f.newest()
	if err != nil {
		return wish{}, fmt.Errorf("load wish: %w", err)
	}
	if whole == 1 {
		// The copy that was read stands, whether or not the other can be
		// repaired now.
		_ = f.write(last)
	}
	return last.Wish, nil
}

// write puts n into both copies, the second first: a crash in between leaves
// the newer number there and the older, whole, in the first.
func (f *WishFile) write(n numbered) error {
	data, err := encodeWish(n)
	if err != nil {
		return fmt.Errorf("save wish: %w", err)
	}
	for _, path := range []string{f.copies[1], f.copies[0]} {
		if err := writeFile(path, data); err != nil {
			return fmt.Errorf("save wish: %w", err)
		}
	}
	return nil
}

// newest reads the copies, and says how many are whole and say the same.
func (f *WishFile) newest() (last numbered, same int, err error) {
	var missing int
	var damage error
	for _, path := range f.copies {
		n, err := readWish(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing++
		case err != nil:
			damage = errors.Join(damage, fmt.Errorf("%s: %w", filepath.Base(path), err))
		case same == 0 || n.Number > last.Number:
			last, same = n, 1
		case n == last:
			same++
		}
	}
	if same > 0 || missing == len(f.copies) {
		return last, same, nil
	}
	return numbered{}, 0, fmt.Errorf("%w: %w", ErrWishDamaged, damage)
}

func readWish(path string) (numbered, error) {
	if err := refuseLink(path); err != nil {
		return numbered{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return numbered{}, err
	}
	data, err := io.ReadAll(io.LimitReader(file, wishMost+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return numbered{}, err
	}
	return decodeWish(data)
}

// encodeWish writes one line of JSON and one with its SHA-256.
func encodeWish(n numbered) ([]byte, error) {
	line, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(line)
	return fmt.Appendf(nil, "%s\n%s\n", line, hex.EncodeToString(sum[:])), nil
}

// decodeWish reads back what encodeWish wrote, to the byte.
func decodeWish(data []byte) (numbered, error) {
	line, _, found := bytes.Cut(data, []byte("\n"))
	if !found || len(data) > wishMost {
		return numbered{}, errors.New("not a wish")
	}
	var n numbered
	if err := json.Unmarshal(line, &n); err != nil {
		return numbered{}, err
	}
	again, err := encodeWish(n)
	if err != nil {
		return numbered{}, err
	}
	if !bytes.Equal(again, data) {
		return numbered{}, errors.New("checksum does not match")
	}
	return n, nil
}
