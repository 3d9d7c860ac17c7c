// Command pretend serves the API before a world in memory that can be told how
// things stand, for what the lab's userspace tunnels cannot come to: a guard.
//
//	pretend SOCKET ROLE
//
// ROLE is what whoever asks may do: viewer, operator or admin. It writes a line
// of JSON when it serves. Then it reads commands, one a line, and answers each
// with a line:
//
//	stand {…}    take these fields of a status, and leave the others
//	guard MODE   the setting
//
// It ends when its standard input does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/web"
	"holdfast/web/webtest"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pretend SOCKET ROLE")
		os.Exit(2)
	}
	if err := run(os.Args[1], web.ParseRole(os.Args[2]), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pretend:", err)
		os.Exit(1)
	}
}

// answer is the reply to a command: when it was done, or why not.
type answer struct {
	At    time.Time `json:"at"`
	Error string    `json:"error,omitempty"`
}

// run serves until there are no more commands.
func run(socket string, role web.Role, in io.Reader, out io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	world := webtest.New()
	deps := world.Deps()
	deps.Log = slog.New(slog.DiscardHandler)
	server := web.NewServer(web.New(deps), func(ctx context.Context, _ net.Conn) context.Context {
		return web.WithCaller(ctx, web.Caller{Role: role, UID: os.Geteuid(), User: "ann"})
	}, deps.Log)
	go server.Serve(listener) //nolint:errcheck // ends with Close
	defer server.Close()      //nolint:errcheck // the program ends
	answers := json.NewEncoder(out)
	if err := answers.Encode(answer{At: time.Now()}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		a := answer{At: time.Now()}
		if err := obey(world, lines.Text()); err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

// obey carries out a command.
func obey(world *webtest.World, line string) error {
	verb, what, _ := strings.Cut(line, " ")
	switch verb {
	case "stand":
		var err error
		world.Change(func(s *status.Status) {
			next := *s
			if err = json.Unmarshal([]byte(what), &next); err == nil {
				*s = next
			}
		})
		world.Happen(event.GuardChanged) // so that whoever looks sees it at once
		return err
	case "guard":
		_, err := world.SetSettings(map[string]string{"guard": what})
		return err
	default:
		return fmt.Errorf("there is no command %q", verb)
	}
}
