package wine

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/build/e2e/wine/prefix"
)

// A mend lets a file of Go's library go on where it asks for something that this
// Wine answers with "not there", and Windows 10 with success.
type mend struct {
	file string // below GOROOT
	// before is replaced by after, as often as it is there.
	before, after string
}

var mends = []mend{
	// SIO_UDP_NETRESET: WSAEOPNOTSUPP. No UDP socket could be had without it.
	{"src/net/fd_windows.go",
		"if err != nil {\n\t\t\treturn wrapSyscallError(\"wsaioctl\", err)",
		"if err != nil && err != syscall.Errno(10045) {\n\t\t\treturn wrapSyscallError(\"wsaioctl\", err)"},
	// FileDispositionInformationEx: STATUS_NOT_IMPLEMENTED, after which the library
	// removes files as it does on older systems.
	{"src/internal/syscall/windows/at_windows.go",
		"STATUS_INVALID_PARAMETER, // the operating system",
		"STATUS_INVALID_PARAMETER, NTStatus(0xC0000002), // the operating system"},
}

// overlay writes Go's mended files and the list of them that the go command takes.
func overlay(dir string) (path string, err error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find Go's library: %w", err)
	}
	list := struct{ Replace map[string]string }{map[string]string{}}
	for _, m := range mends {
		from := filepath.Join(strings.TrimSpace(string(goroot)), m.file)
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if !strings.Contains(string(text), m.before) {
			return "", fmt.Errorf("%s of this Go is not as the tests know it: it has no %q", m.file, m.before)
		}
		to := filepath.Join(dir, filepath.Base(m.file))
		if err := os.WriteFile(to, []byte(strings.ReplaceAll(string(text), m.before, m.after)), 0o600); err != nil {
			return "", err
		}
		list.Replace[from] = to
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// build builds the programs for Windows: those of a person, and the tests' own.
func (c *computer) build() error {
	if err := os.MkdirAll(c.Path(homeFolder), 0o755); err != nil {
		return err
	}
	list, err := overlay(c.Tools)
	if err != nil {
		return err
	}
	c.overlay = list
	for _, p := range []struct{ to, program, flags string }{
		{c.Path(homeFolder, "holdfastd.exe"), "./service", ""},
		{c.Path(homeFolder, "holdfast.exe"), "./app/cli", ""},
		{c.Path(homeFolder, "holdfast-tray.exe"), "./app/tray", "-H=windowsgui"},
		{filepath.Join(c.Tools, "carrier.exe"), "./build/e2e/wine/carrier", ""},
		{filepath.Join(c.Tools, "helper.exe"), "./build/e2e/wine/helper", ""},
	} {
		cmd := c.golang("build", "-ldflags="+p.flags, "-o", p.to, p.program)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s for Windows: %w: %s", p.program, err, out)
		}
	}
	return nil
}

// golang prepares a go command for Windows.
func (c *computer) golang(verb string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", append([]string{verb, "-overlay", c.overlay}, args...)...)
	cmd.Dir = "../../.."
	cmd.Env = append(append(os.Environ(), c.Wine...), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=1", "CC="+prefix.Compiler)
	return cmd
}
