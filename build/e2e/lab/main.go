// Command lab is the world around a page under test: WireGuard servers on
// loopback that can be broken by command, and, where it is asked for, the
// service itself with traffic through its tunnel.
//
//	lab [--service DIR] [--set KEY=VALUE]… [--group NAME] [--up] SERVER…
//
// It first writes one line of JSON: every server's name, endpoint and client
// config. Then it reads commands, one a line, and answers each with a line:
//
//	break SERVER FAULT | heal [SERVER [FAULT]] | network on|off | upload
//
// It ends when its standard input does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) (err error) {
	o := options{settings: map[string]string{"third_party_checks": "false"}}
	flag.StringVar(&o.dir, "service", "", "run the service, too, and keep its things in this folder")
	flag.Func("set", "a setting of the service, as KEY=VALUE", o.set)
	flag.StringVar(&o.group, "group", "", "import every server's config, and make a group of them")
	flag.BoolVar(&o.up, "up", false, "connect to the group")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	w := newWorld(o)
	defer func() { err = errors.Join(err, w.close()) }()
	told := struct {
		Servers []server `json:"servers"`
	}{}
	for _, name := range flag.Args() {
		s, err := w.add(name)
		if err != nil {
			return err
		}
		told.Servers = append(told.Servers, s)
	}
	if o.dir != "" {
		if err := w.serve(ctx); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(out).Encode(told); err != nil {
		return err
	}
	return w.obey(ctx, in, out)
}

// server is what a client is told about one.
type server struct {
	Name     string `json:"name"`
	Endpoint string `json:"endpoint"`
	Config   string `json:"config"`
}

// latency is how far every server is away, each way.
const latency = 4 * time.Millisecond

// add starts a server. Its name may say more: "name@other" is another endpoint
// of the server other.
func (w *world) add(name string) (server, error) {
	name, site, _ := strings.Cut(name, "@")
	s, err := w.lab.AddServer(tunnel.Name(name), lab.ServerOptions{
		SameSite: tunnel.Name(site), Preshared: true, Path: lab.Both(lab.Link{Latency: latency}),
	})
	if err != nil {
		return server{}, err
	}
	return server{Name: name, Endpoint: s.Endpoint().String(), Config: s.ClientConfig().Render()}, nil
}

// answer is the reply to a command: when it was done, or why not.
type answer struct {
	At    time.Time `json:"at"`
	Error string    `json:"error,omitempty"`
}

// obey carries out commands until there are no more.
func (w *world) obey(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := make(chan string)
	go func() { // ends with the input; the program ends with it
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines <- s.Text()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				return nil
			}
			a := answer{}
			if err := w.do(strings.Fields(line)); err != nil {
				a.Error = err.Error()
			}
			a.At = time.Now().UTC()
			if err := json.NewEncoder(out).Encode(a); err != nil {
				return err
			}
		}
	}
}

func (w *world) do(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "break":
		return w.damage(words[1], words[2])
	case len(words) > 0 && words[0] == "heal":
		return w.heal(words[1:])
	case len(words) == 2 && words[0] == "network":
		w.lab.SetNetwork(words[1] == "on")
		return nil
	case len(words) == 1 && words[0] == "upload":
		return w.upload()
	}
	return fmt.Errorf("no such command: %s", strings.Join(words, " "))
}

func (w *world) damage(name, key string) error {
	f, err := lab.ParseFault(key)
	if err != nil {
		return err
	}
	s := w.lab.Server(tunnel.Name(name))
	if s == nil {
		return fmt.Errorf("%s: %w", name, lab.ErrNoSuchServer)
	}
	return s.Break(f)
}

func (w *world) heal(which []string) error {
	if len(which) == 0 {
		return w.lab.Heal()
	}
	s := w.lab.Server(tunnel.Name(which[0]))
	if s == nil {
		return fmt.Errorf("%s: %w", which[0], lab.ErrNoSuchServer)
	}
	var faults []lab.Fault
	for _, key := range which[1:] {
		f, err := lab.ParseFault(key)
		if err != nil {
			return err
		}
		faults = append(faults, f)
	}
	return s.Heal(faults...)
}
