package macos_test

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/installer/macos"
)

func TestTheTraysFiles(t *testing.T) {
	info := plist(t, macos.InfoText("1.2.3"))
	for key, want := range map[string]any{
		"CFBundleIdentifier": macos.TrayLabel, "CFBundleExecutable": "holdfast-tray", "CFBundleIconFile": "holdfast",
		"CFBundleShortVersionString": "1.2.3", "CFBundleVersion": "1.2.3", "LSUIElement": true,
	} {
		if info[key] != want {
			t.Errorf("%s is %v, want %v", key, info[key], want)
		}
	}
	agent := plist(t, macos.TrayText())
	program := []any{macos.App + "/Contents/MacOS/holdfast-tray", macos.AtLogin}
	if agent["Label"] != macos.TrayLabel || !slices.Equal(agent["ProgramArguments"].([]any), program) || agent["KeepAlive"] != nil {
		t.Errorf("got %v", agent)
	}
	if filepath.Base(macos.TrayPlist) != macos.TrayLabel+".plist" {
		t.Errorf("launchd wants the file of %s to have its name, not %s", macos.TrayLabel, macos.TrayPlist)
	}
}

func TestDistribution(t *testing.T) {
	var d struct {
		Options struct {
			Processor string `xml:"hostArchitectures,attr"`
		} `xml:"options"`
		Package []struct {
			ID      string `xml:"id,attr"`
			Version string `xml:"version,attr"`
		} `xml:"pkg-ref"`
	}
	if err := xml.Unmarshal([]byte(macos.DistributionText("1.2.3", "x86_64")), &d); err != nil {
		t.Fatal(err)
	}
	if d.Options.Processor != "x86_64" || len(d.Package) != 1 || d.Package[0].ID != macos.Receipt || d.Package[0].Version != "1.2.3" {
		t.Errorf("got %+v", d)
	}
	if err := xml.Unmarshal([]byte(macos.ComponentText()), new(struct{})); err != nil || !strings.Contains(macos.ComponentText(), "<string>"+strings.TrimPrefix(macos.App, "/")) {
		t.Errorf("%v:\n%s", err, macos.ComponentText())
	}
}

// scripts are all that run as root.
func scripts() map[string]string {
	all := macos.Scripts()
	all[macos.Script] = macos.ScriptText()
	return all
}

// What runs as root runs programs that only root can change, by their paths, and
// stops at the first that fails.
func TestScripts(t *testing.T) {
	for name, text := range scripts() {
		if !strings.HasPrefix(text, "#!/bin/sh\n") || !strings.Contains(text, "\nset -eu\n") {
			t.Errorf("%s goes on after an error", name)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			first, _, _ := strings.Cut(line, " ")
			shell := []string{"", "#", "#!/bin/sh", "set", "if", "fi", "case", "esac", "echo", "exit", ";;", `""`, "*)"}
			assigned, _, found := strings.Cut(first, "=")
			if slices.Contains(shell, first) || found && !strings.ContainsAny(assigned, `/"`) {
				continue
			}
			if program := strings.Trim(first, `"`); !strings.HasPrefix(program, "/") && !strings.HasPrefix(program, "$home/") {
				t.Errorf("%s finds a program by the search path: %s", name, line)
			}
		}
	}
	if text := macos.Scripts()["postinstall"]; !strings.Contains(text, `home="`+macos.Home+`"`) ||
		!strings.Contains(text, macos.TrayPlist) || !strings.Contains(text, macos.Link) {
		t.Error("postinstall knows other places")
	}
	if text := macos.ScriptText(); !strings.Contains(text, `app="`+macos.App+`"`) || !strings.Contains(text, macos.TrayPlist) {
		t.Error("what the package brings is left behind")
	}
}

func TestShellcheck(t *testing.T) {
	program, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("needs shellcheck")
	}
	for name, text := range scripts() {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(program, path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
