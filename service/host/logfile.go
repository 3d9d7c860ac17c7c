package host

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
)

// logSize is how large a log file may become; the one before it is kept too.
const logSize = 8 << 20

// LogFile is a log of bounded size, for systems that keep no journal of what a
// service says: PATH and, once that is full, PATH.1 with what was before. Only the
// service's own account may read them; what a crash says in the end goes there too.
// Its methods may be called from several goroutines.
type LogFile struct {
	path  string
	limit int64

	mu   sync.Mutex
	file *os.File // nil: closed, or it could not be opened again
	size int64
}

// OpenLogFile opens the log, or begins it. Its folder must be there.
func OpenLogFile(path string) (*LogFile, error) {
	l := &LogFile{path: path, limit: logSize}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.openLocked(os.O_APPEND); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return l, nil
}

// Write adds a line. Where there is no room in the file it is begun anew. An error
// is of this line only.
func (l *LogFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil || l.size > 0 && l.size+int64(len(line)) > l.limit {
		if err := l.turnLocked(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	return n, err
}

// Close ends the log.
func (l *LogFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closeLocked()
}

// turnLocked puts the file aside and begins a new one. Where it cannot be put
// aside, because somebody reads it, it is emptied: the bound is what matters.
func (l *LogFile) turnLocked() error {
	if err := l.closeLocked(); err != nil {
		return err
	}
	if err := os.Rename(l.path, l.path+".1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return l.openLocked(os.O_TRUNC)
	}
	return l.openLocked(os.O_APPEND)
}

func (l *LogFile) openLocked(how int) error {
	file, err := os.OpenFile(l.path, how|os.O_CREATE|os.O_WRONLY|noFollow, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size = file, info.Size()
	// Where that cannot be done, a crash speaks on standard error alone.
	_ = debug.SetCrashOutput(file, debug.CrashOptions{})
	return nil
}

func (l *LogFile) closeLocked() error {
	if l.file == nil {
		return nil
	}
	// It holds the file open as well.
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	err := l.file.Close()
	l.file = nil
	return err
}
