package host

import (
	"io"
	"log/slog"
	"os"
)

// NewLog is the log of a service that was started in this way. It writes to file
// where that is not nil, and to whatever the system has for the purpose: standard
// error, or the Event Log for what needs a person. Standard error that is a file, as
// launchd makes it, has no bound, and is spared where there is another file.
func NewLog(o Options, file io.Writer, level slog.Level) *slog.Logger {
	var all []slog.Handler
	if file != nil {
		all = append(all, slog.NewTextHandler(file, &slog.HandlerOptions{Level: level}))
	}
	if own := systemLog(o); own != nil {
		all = append(all, own)
	} else if file == nil || !isFile(os.Stderr) {
		all = append(all, slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	}
	if len(all) == 1 {
		return slog.New(all[0])
	}
	return slog.New(slog.NewMultiHandler(all...))
}

// isFile says that f is a plain file: no terminal, and no pipe that somebody reads.
func isFile(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}
