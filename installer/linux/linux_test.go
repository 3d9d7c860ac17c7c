package linux_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"holdfast/installer/linux"
)

var units = []string{linux.Service, linux.EarlyBoot}

func TestTextNamesTheProgram(t *testing.T) {
	for program, want := range map[string]string{
		"/usr/bin/holdfastd":       "/usr/bin/holdfastd",
		"/opt/my tools/holdfastd":  `"/opt/my tools/holdfastd"`,
		`/opt/%h/$x"`:              `"/opt/%%h/$$x\""`,
		"/usr/local/bin/holdfastd": "/usr/local/bin/holdfastd",
	} {
		for unit, verb := range map[string]string{linux.Service: "run", linux.EarlyBoot: "seal"} {
			if text := linux.Text(unit, program); strings.Count(text, "\nExecStart="+want+" "+verb+"\n") != 1 || strings.Count(text, "ExecStart=") != 1 {
				t.Errorf("%s for %s: got no ExecStart of %s %s in:\n%s", unit, program, want, verb, text)
			}
		}
	}
}

// The guard's rules stay when the service ends, so no unit may run anything then.
func TestUnitsUndoNothing(t *testing.T) {
	for _, unit := range units {
		if text := linux.Text(unit, "/usr/bin/holdfastd"); strings.Contains(text, "ExecStop") || strings.Contains(text, "OnFailure") {
			t.Errorf("%s runs something when it ends", unit)
		}
	}
}

// written writes a unit as it would be installed, with a program that exists.
func written(t *testing.T, unit string) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze of systemd")
	}
	program, err := filepath.EvalSymlinks("/bin/true")
	if err != nil {
		t.Skip("needs /bin/true")
	}
	path := filepath.Join(t.TempDir(), unit)
	if err := os.WriteFile(path, []byte(linux.Text(unit, program)), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSystemdTakesTheUnits(t *testing.T) {
	for _, unit := range units {
		t.Run(unit, func(t *testing.T) {
			path := written(t, unit)
			out, err := exec.Command("systemd-analyze", "verify", "--recursive-errors=no", path).CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("systemd-analyze verify: %v\n%s", err, out)
			}
			// What systemd would not take, the check must find.
			text, _ := os.ReadFile(path)
			if err := os.WriteFile(path, append(text, "[Service]\nProtectSystm=strict\n"...), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, _ := exec.Command("systemd-analyze", "verify", "--recursive-errors=no", path).CombinedOutput(); !strings.Contains(string(out), "ProtectSystm") {
				t.Errorf("systemd-analyze verify finds nothing wrong in a unit with a misspelled key: %s", out)
			}
		})
	}
}

// mostExposed is what `systemd-analyze security` may say of a unit at most; 0 is
// shut in wholly, 10 not at all.
const mostExposed = 2.5

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

func TestExposure(t *testing.T) {
	for _, unit := range units {
		t.Run(unit, func(t *testing.T) {
			out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", written(t, unit)).CombinedOutput()
			found := exposure.FindSubmatch(out)
			if err != nil || found == nil {
				t.Fatalf("systemd-analyze security: %v\n%s", err, out)
			}
			level, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("exposure level of %s: %.1f", unit, level)
			if level > mostExposed {
				t.Errorf("exposure level %.1f, want at most %.1f:\n%s", level, mostExposed, out)
			}
		})
	}
}

// The group is made by systemd-sysusers, which is asked what it would do.
func TestGroup(t *testing.T) {
	program, err := exec.LookPath("systemd-sysusers")
	if err != nil {
		t.Skip("needs systemd-sysusers of systemd")
	}
	root := t.TempDir()
	file := filepath.Join(root, linux.Group)
	if err := os.WriteFile(file, []byte(linux.Text(linux.Group, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "--root="+root, file).CombinedOutput()
	groups, _ := os.ReadFile(filepath.Join(root, "etc/group"))
	if err != nil || !strings.HasPrefix(string(groups), "holdfast:") {
		t.Errorf("systemd-sysusers: %v\n%s\nthe groups: %s", err, out, groups)
	}
}
