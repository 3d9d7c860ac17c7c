// Tally runs a go test command, shows what fails and how each package went, and
// ends with one line that counts the tests.
//
//	go run ./build/tally -race ./...
//
// Its arguments are those of go test. It exits as go test does.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// tally counts tests and keeps what each has said, in case it fails.
type tally struct {
	passed, failed, skipped int
	said                    map[string]*strings.Builder
	why                     []string // of the skipped
}

func main() {
	t := tally{said: map[string]*strings.Builder{}}
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
	t.read(out)
	err = cmd.Wait()
	for _, w := range t.why {
		fmt.Println("skipped", w)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil || t.failed > 0 || t.passed == 0:
		os.Exit(1)
	}
}

// read takes the whole stream. Lines that are not events, such as a build that
// fails, are shown as they are.
func (t *tally) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text())
			continue
		}
		t.take(e)
	}
}

func (t *tally) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if t.said[key] == nil {
			t.said[key] = &strings.Builder{}
		}
		t.said[key].WriteString(e.Output)
	case "pass":
		t.end(e, key, &t.passed)
	case "skip":
		if e.Test != "" {
			t.why = append(t.why, key+": "+reason(t.said[key]))
		}
		t.end(e, key, &t.skipped)
	case "fail":
		if said := t.said[key]; said != nil {
			fmt.Print(said.String())
		}
		t.end(e, key, &t.failed)
	case "build-fail":
		for k, said := range t.said {
			if strings.TrimSpace(k) == "" {
				fmt.Print(said.String())
			}
		}
	}
}

// end counts a test, or reports a package.
func (t *tally) end(e event, key string, count *int) {
	delete(t.said, key)
	if e.Test != "" {
		*count++
		return
	}
	fmt.Printf("%-5s %7.1fs  %s\n", e.Action, e.Elapsed, e.Package)
}

// reason is what a skipped test said, in a line.
func reason(said *strings.Builder) string {
	if said == nil {
		return ""
	}
	for line := range strings.Lines(said.String()) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			return line
		}
	}
	return ""
}
