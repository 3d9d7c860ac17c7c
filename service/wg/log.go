package wg

import (
	"context"
	"errors"
	"log/slog"
	"syscall"

	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// deviceLog passes wireguard-go's lines on at debug level. Its arguments are
// addresses and pieces of keys, so only the line's fixed text and the errno of
// an error among the arguments are kept. Nothing is ever decided by this text.
func deviceLog(log *slog.Logger, name tunnel.Name) *device.Logger {
	line := func(format string, args ...any) {
		if !log.Enabled(context.Background(), slog.LevelDebug) {
			return
		}
		attrs := []slog.Attr{slog.String("tunnel", string(name)), slog.String("line", format)}
		for _, arg := range args {
			var errno syscall.Errno
			if err, ok := arg.(error); ok && errors.As(err, &errno) {
				attrs = append(attrs, slog.Any("err", errno))
			}
		}
		log.LogAttrs(context.Background(), slog.LevelDebug, "device", attrs...)
	}
	return &device.Logger{Verbosef: line, Errorf: line}
}
