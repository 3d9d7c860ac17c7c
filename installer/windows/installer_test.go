package windows

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var example = Installer{Version: "1.2.3", FileVersion: "1.2.3.4", Contents: "these"}

func TestSource(t *testing.T) {
	text, err := example.Source()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`Version="1.2.3"`, `UpgradeCode="` + upgradeCode + `"`, `Name="Holdfast" DisplayName="Holdfast"`,
		`Arguments="run --service"`, `<ServiceDependency Id="BFE"/>`, `Start="install" Stop="both" Remove="uninstall"`,
		`Value="&quot;[#tray.exe]&quot; --at-login"`, `Key="Software\Microsoft\Windows\CurrentVersion\Run"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the description", want)
		}
	}
	if strings.Contains(text, "<no value>") {
		t.Error("a value is missing in the description")
	}
}

var guidForm = regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`)

// Windows knows parts and products by their GUIDs: the same thing has the same one
// in every version, another thing another.
func TestGUIDs(t *testing.T) {
	if got := guid("Service"); !guidForm.MatchString(got) || got != guid("Service") {
		t.Errorf("got %s", got)
	}
	text, err := example.Source()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`Guid="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if seen[m[1]] {
			t.Errorf("two components have the GUID %s", m[1])
		}
		seen[m[1]] = true
	}
	if len(seen) != strings.Count(text, "<Component ") {
		t.Errorf("%d GUIDs for %d components", len(seen), strings.Count(text, "<Component "))
	}
	product := regexp.MustCompile(`Product Id="([^"]*)"`)
	for _, other := range []Installer{{"1.2.4", "1.2.4.0", "these"}, {"1.2.3", "1.2.3.4", "those"}} {
		another, err := other.Source()
		if err != nil {
			t.Fatal(err)
		}
		if product.FindString(text) == product.FindString(another) || example.PackageCode() == other.PackageCode() {
			t.Errorf("%v is the same product or package as %v", other, example)
		}
		for _, m := range regexp.MustCompile(`Guid="[^"]*"`).FindAllString(another, -1) {
			if !strings.Contains(text, m) {
				t.Errorf("a component of %v has another GUID", other)
			}
		}
	}
}

// sequence is where the actions of ours stand; those of Windows Installer are at
// the numbers that it documents.
func sequence(t *testing.T) map[string]int {
	t.Helper()
	at := map[string]int{
		"InstallInitialize": 1500, "StopServices": 1900, "DeleteServices": 2000, "RemoveFiles": 3500, "InstallFiles": 4000,
		"InstallServices": 5800, "StartServices": 5900, "InstallFinalize": 6600,
	}
	for _, a := range actions {
		at[a.name] = a.sequence
	}
	return at
}

// What a step needs must be there when it runs.
func TestOrderOfActions(t *testing.T) {
	at := sequence(t)
	for _, order := range [][]string{
		{"InstallInitialize", "CloseTray", "StopServices", "OpenGuard", "Unregister", "DeleteServices", "RemoveFiles"},
		{"CloseTray", "OpenGuard", "ForgetPerson", "RemoveFiles"},
		{"InstallFiles", "InstallServices", "UndoRegister", "Register", "StartServices", "InstallFinalize"},
		{"RemoveFiles", "Purge", "InstallFinalize", "ShowTray"},
	} {
		if !slices.IsSortedFunc(order, func(a, b string) int { return at[a] - at[b] }) {
			t.Errorf("not in this order: %v", order)
		}
	}
}

// The guard stays shut while one version follows another, and the data stays.
func TestUpgradeOpensNothing(t *testing.T) {
	for _, a := range actions {
		opens := strings.Contains(a.target, "uninstall") || strings.Contains(a.target, "release") ||
			strings.Contains(a.target, "rmdir") || a.target == Forget
		if opens && !strings.Contains(a.when, "NOT UPGRADINGPRODUCTCODE") && !strings.Contains(a.when, "NOT OLDERFOUND") {
			t.Errorf("%s runs at an upgrade too: %s", a.name, a.when)
		}
		if strings.Contains(a.target, "rmdir") && !strings.Contains(a.when, "PURGE") {
			t.Errorf("%s removes data unasked: %s", a.name, a.when)
		}
	}
}

// A person's own folder is no place for what runs as the system: a link in it could
// lead anywhere.
func TestSystemLeavesPersonsAlone(t *testing.T) {
	for _, a := range actions {
		persons := a.target == Forget || a.name == "ShowTray"
		if asTheSystem := a.kind&asSystem != 0; asTheSystem == persons {
			t.Errorf("%s runs as the system: %v", a.name, asTheSystem)
		}
	}
}

// The real tools take all of it, and say nothing.
func TestToolsTakeIt(t *testing.T) {
	for _, tool := range []string{"wixl", "msibuild", "msiinfo"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs ", tool, " of msitools")
		}
	}
	dir := t.TempDir()
	text, err := example.Source()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"holdfast.ico", Program, "holdfast.exe", Tray, "wintun.dll", "wintun-LICENSE.txt", "LICENSE.txt", "THIRD-PARTY.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "holdfast.wxs"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	if said := run("wixl", "-a", "x64", "-o", "a.msi", "holdfast.wxs"); said != "" {
		t.Errorf("wixl warns: %s", said)
	}
	if said := run("msibuild", append([]string{"a.msi", "-q"}, example.Statements()...)...); said != "" {
		t.Errorf("msibuild warns: %s", said)
	}
	for table, want := range map[string]string{
		"MsiShortcutProperty": "StartMenu\tSystem.AppUserModel.ID\tHoldfast.Tray",
		"Environment":         "=-*Path\t[~];[InstallFolder]\tCommand",
		"CustomAction":        "Register\t3090\tholdfast.exe\tservice install --no-start",
		"Upgrade":             "0.0.0\t1.2.3\t\t769\t\tOLDERFOUND",
		"File":                "wintun.dll\t10\t0.14.1.0\t",
		"RegLocator":          "CurrentMajorVersionNumber\t18",
		"ServiceInstall":      "run --service\tService\t" + Define("").Description,
	} {
		if got := run("msiinfo", "export", "a.msi", table); !strings.Contains(got, want) {
			t.Errorf("%s has no %q:\n%s", table, want, got)
		}
	}
}
