// Tally runs a go test command, shows what fails and how each package went, and
// ends with one line that counts the tests.
//
//	go run ./build/tally -race -timeout=20m ./...
//
// Its arguments are those of go test, values after an equals sign. A test that
// fails is run once more, alone, since machines that others use too are late at
// times; it is named either way. A data race is never given a second chance.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
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
	why                     []string            // of the skipped
	again                   map[string][]string // the failed tests of each package
	final                   bool                // what failed needs no second look
}

func newTally() *tally {
	return &tally{said: map[string]*strings.Builder{}, again: map[string][]string{}}
}

func main() {
	t := newTally()
	ok := t.run(os.Args[1:])
	for _, w := range t.why {
		fmt.Println("skipped", w)
	}
	if !ok && t.failed > 0 && !t.final {
		ok = t.secondTry(os.Args[1:])
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if !ok || t.failed > 0 || t.passed == 0 {
		os.Exit(1)
	}
}

// run runs go test with these arguments and returns whether it went well.
func (t *tally) run(args []string) bool {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		return false
	}
	t.read(out)
	return cmd.Wait() == nil
}

// secondTry runs the failed tests once more, package by package, and counts
// what passes now as passed. It returns whether everything did.
func (t *tally) secondTry(args []string) bool {
	flags := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return !strings.HasPrefix(a, "-") })
	ok := true
	for pkg, tests := range t.again {
		fmt.Printf("once more: %s %s\n", pkg, strings.Join(tests, " "))
		u := newTally()
		if !u.run(append(slices.Clone(flags), "-parallel=1", "-run=^("+strings.Join(tests, "|")+")$", pkg)) || u.final || u.passed == 0 {
			ok = false
		}
	}
	if ok {
		fmt.Printf("%d failed at first and passed the second time\n", t.failed)
		t.passed, t.failed = t.passed+t.failed, 0
	}
	return ok
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
		t.final = t.final || strings.Contains(e.Output, "DATA RACE")
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
		switch {
		case e.Test == "":
			// A package that fails without a test has crashed or never begun.
			t.final = t.final || len(t.again[e.Package]) == 0
		case !strings.Contains(e.Test, "/"):
			t.again[e.Package] = append(t.again[e.Package], e.Test)
		}
	case "build-fail":
		t.final = true
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
