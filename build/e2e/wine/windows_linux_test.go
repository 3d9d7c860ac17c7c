package wine

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"holdfast/build/e2e/wine/prefix"
)

// home is where the programs are installed, as Windows and as Linux see it.
const (
	home       = `C:\Program Files\Holdfast`
	homeFolder = "drive_c/Program Files/Holdfast"
)

// computer is a Windows with the programs.
type computer struct {
	*prefix.Prefix
	// overlay is the file that tells the go command of Go's mended library.
	overlay string
}

// theComputer is made for the first test that asks for it and ends with TestMain.
var theComputer = sync.OnceValues(newComputer)

// made says whether there is a computer to end.
var made bool

func TestMain(m *testing.M) {
	code := m.Run()
	if made {
		if c, err := theComputer(); err == nil {
			if err := c.End(); err != nil {
				fmt.Fprintln(os.Stderr, "end Wine:", err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// start returns the computer, or skips the test where there can be none. needs
// are the further programs of Linux that the test wants.
func start(t *testing.T, needs ...string) *computer {
	t.Helper()
	if program := prefix.Missing(needs...); program != "" {
		t.Skip("needs " + program)
	}
	made = true
	c, err := theComputer()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newComputer makes a Windows and installs the programs.
func newComputer() (*computer, error) {
	p, err := prefix.New()
	if err != nil {
		return nil, err
	}
	c := &computer{Prefix: p}
	if err := c.build(); err != nil {
		return nil, errors.Join(err, c.End())
	}
	return c, nil
}

// run runs a program to its end.
func (c *computer) run(t *testing.T, program string, args ...string) prefix.Result {
	t.Helper()
	r, err := c.Run(program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// holdfast runs the command line to its end.
func (c *computer) holdfast(t *testing.T, args ...string) prefix.Result {
	t.Helper()
	return c.run(t, home+`\holdfast.exe`, args...)
}

// must runs the command line, and wants that it ends well.
func (c *computer) must(t *testing.T, args ...string) string {
	t.Helper()
	r := c.holdfast(t, args...)
	if r.Code != 0 {
		t.Fatalf("holdfast %q: got exit code %d: %s%s", args, r.Code, r.Out, r.Err)
	}
	return r.Out
}

// until asks until the answer is yes.
func until(t *testing.T, what string, within time.Duration, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ask(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", within, what)
		}
	}
}
