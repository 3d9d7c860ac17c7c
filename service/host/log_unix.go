//go:build unix

package host

import "log/slog"

// systemLog is none: what started the service reads its standard error.
func systemLog(Options) slog.Handler { return nil }
