package msi

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/build/e2e/wine/prefix"
)

const (
	// source is the top of the repository.
	source   = "../../.."
	home     = `C:\Program Files\Holdfast`
	homePath = "Program Files/Holdfast"
	// refused is what Linux gets of 1603, the exit code of an installation that failed.
	refused = 1603 & 0xff
)

// installers are two versions of the installer.
type installers struct{ first, second string }

// needsInstaller skips a test where the installer cannot be made.
func needsInstaller(t *testing.T, others ...string) {
	t.Helper()
	if os.Getenv("HOLDFAST_WINTUN") == "" {
		t.Skip("needs HOLDFAST_WINTUN, the path of wintun.dll or of its archive")
	}
	if program := prefix.Missing(append(others, "wixl", "msibuild")...); program != "" {
		t.Skip("needs ", program)
	}
}

// makeInstaller makes the installer from the source in root, and returns its path.
func makeInstaller(t *testing.T, root, version string, env ...string) string {
	t.Helper()
	out := t.TempDir()
	output(t, root, env, "go", "run", "./build/package", "-out", out, "-version", version, "windows/amd64")
	return filepath.Join(out, "holdfast-"+version+"-windows-amd64.msi")
}

// makeInstallers makes both, the second one signed with a key of the test's.
func makeInstallers(t *testing.T) installers {
	t.Helper()
	needsInstaller(t, "msiextract", "osslsigncode", "openssl")
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	output(t, "", nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Holdfast test",
		"-addext", "keyUsage=digitalSignature", "-addext", "extendedKeyUsage=codeSigning", "-keyout", key, "-out", cert)
	made := installers{
		makeInstaller(t, source, "1.0.0"),
		makeInstaller(t, source, "1.1.0", "HOLDFAST_SIGN_CERT="+cert, "HOLDFAST_SIGN_KEY="+key),
	}
	checkSignatures(t, made.second, cert)
	return made
}

// TestInstallerIsTheSameElsewhere makes it in this folder and in a clone.
func TestInstallerIsTheSameElsewhere(t *testing.T) {
	needsInstaller(t)
	elsewhere := source
	// A clone holds what is committed: where more is, the same folder is used again.
	if changes := output(t, source, nil, "git", "status", "--porcelain"); changes == "" {
		elsewhere = filepath.Join(t.TempDir(), "clone")
		output(t, source, nil, "git", "clone", "--quiet", "--shared", ".", elsewhere)
	} else {
		t.Log("the work tree holds changes: made again in the same folder")
	}
	var made [2][]byte
	for i, root := range []string{source, elsewhere} {
		data, err := os.ReadFile(makeInstaller(t, root, "1.0.0"))
		if err != nil {
			t.Fatal(err)
		}
		made[i] = data
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Errorf("the installers differ: %d and %d bytes", len(made[0]), len(made[1]))
	}
}

// output runs a program of Linux.
func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// checkSignatures wants that the installer and the programs in it are signed, and
// that a signature does not hold for an installer of which a byte was changed.
func checkSignatures(t *testing.T, installer, cert string) {
	t.Helper()
	verify := func(path string) error {
		said, err := exec.Command("osslsigncode", "verify", "-CAfile", cert, "-in", path).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, said)
		}
		return err
	}
	inside := t.TempDir()
	// It leaves out the folders that Windows itself has.
	output(t, inside, nil, "msiextract", installer)
	for _, path := range []string{
		installer, filepath.Join(inside, "Holdfast/holdfastd.exe"), filepath.Join(inside, "Holdfast/holdfast.exe"),
		filepath.Join(inside, "Holdfast/holdfast-tray.exe"),
	} {
		if err := verify(path); err != nil {
			t.Errorf("%s is not signed: %v", filepath.Base(path), err)
		}
	}
	data, err := os.ReadFile(installer)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	changed := filepath.Join(inside, "changed.msi")
	if err := os.WriteFile(changed, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if verify(changed) == nil {
		t.Error("the signature holds for an installer that was changed")
	}
}

// installer runs Windows Installer, and returns its exit code.
func (w *windows) installer(t *testing.T, verb, file string, properties ...string) int {
	t.Helper()
	path := file
	if strings.HasPrefix(file, "/") {
		path = `Z:` + strings.ReplaceAll(file, "/", `\`)
	}
	code, said := w.run(t, "msiexec", append([]string{verb, path, "/qn"}, properties...)...)
	t.Logf("msiexec %s %s %v: %d\n%s", verb, filepath.Base(file), properties, code, said)
	return code
}

// holds wants that Holdfast is there as one version, whole.
func (w *windows) holds(t *testing.T, version string) {
	t.Helper()
	for _, name := range []string{
		"holdfastd.exe", "holdfast.exe", "holdfast-tray.exe", "wintun.dll", "LICENSE.txt", "wintun-LICENSE.txt", "THIRD-PARTY.txt", "Data",
	} {
		if err := exists(w.path(homePath + "/" + name)); err != nil {
			t.Error(err)
		}
	}
	if said := w.must(t, "sc", "query", "Holdfast"); !strings.Contains(said, "RUNNING") {
		t.Errorf("the service does not run: %s", said)
	}
	uninstall := `HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall`
	said := w.must(t, "reg", "query", uninstall, "/s")
	if strings.Count(said, "DisplayName    REG_SZ    Holdfast\n") != 1 || strings.Count(said, "DisplayVersion    REG_SZ    "+version+"\n") != 1 {
		t.Errorf("not one entry of version %s among the programs: %s", version, said)
	}
	for key, want := range map[string]string{
		`HKLM\Software\Microsoft\Windows\CurrentVersion\Run`:                   `"` + home + `\holdfast-tray.exe" --at-login`,
		`HKLM\System\CurrentControlSet\Control\Session Manager\Environment`:    ";" + home + `\`,
		`HKLM\System\CurrentControlSet\Services\EventLog\Application\Holdfast`: "EventMessageFile",
		`HKLM\System\CurrentControlSet\Services\Holdfast`:                      `"` + home + `\holdfastd.exe" run --service`,
	} {
		if said := w.must(t, "reg", "query", key); strings.Count(said, want) != 1 {
			t.Errorf("%s has not one %s: %s", key, want, said)
		}
	}
	if said := w.must(t, home+`\holdfast.exe`, "version"); !strings.Contains(said, version) {
		t.Errorf("the command line is not %s: %s", version, said)
	}
	menu := slices.ContainsFunc(w.files(t), func(name string) bool { return strings.HasSuffix(name, "Start Menu/Programs/Holdfast.lnk") })
	if !menu {
		t.Error("there is nothing in the start menu")
	}
}

// leaves wants that nothing is left of Holdfast but the files of allowed.
func (w *windows) leaves(t *testing.T, files, registry []string, allowed func(file string) bool) {
	t.Helper()
	for _, file := range added(files, w.files(t)) {
		if file != "windows/Installer" && !allowed(file) {
			t.Errorf("left behind: %s", file)
		}
	}
	after := w.registry(t)
	for _, entry := range added(registry, after) {
		if !isSystems(entry) {
			t.Errorf("left behind in the registry: %s", entry)
		}
	}
	for _, entry := range added(after, registry) {
		if !isSystems(entry) {
			t.Errorf("taken from the registry: %s", entry)
		}
	}
	if said := w.must(t, "reg", "query", `HKLM\System\CurrentControlSet\Control\Session Manager\Environment`); strings.Contains(said, "Holdfast") {
		t.Errorf("left behind in the search path: %s", said)
	}
	if code, said := w.run(t, "sc", "query", "Holdfast"); code == 0 {
		t.Errorf("the service is still registered: %s", said)
	}
}

// config is a tunnel that goes nowhere.
const config = `[Interface]
PrivateKey = wAM6CiHEhs7JfiKPHCWoJkJe6XnyWbqB4E8n4QhJV3E=
Address = 10.9.0.2/32

[Peer]
PublicKey = y8f3jhJXvX0tMcV0YyPrxJbDDXzO6Lw6+EfmAWX1m0A=
Endpoint = 192.0.2.1:51820
AllowedIPs = 0.0.0.0/0
`

// A person's life with the installer, from the first one to the last.
func TestInstaller(t *testing.T) {
	made := makeInstallers(t)
	w := newWindows(t)
	files, registry := w.files(t), w.registry(t)
	nothing := func(string) bool { return false }
	data := func(file string) bool { return file == homePath || strings.HasPrefix(file+"/", homePath+"/Data/") }

	step := func(name string, do func(t *testing.T)) {
		if !t.Run(name, do) {
			t.FailNow() // the next step stands on this one
		}
	}
	step("install", func(t *testing.T) {
		if code := w.installer(t, "/i", made.first); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		w.holds(t, "1.0.0")
		conf := w.path("nl.conf")
		if err := os.WriteFile(conf, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		w.must(t, home+`\holdfast.exe`, "tunnel", "import", `C:\nl.conf`)
		if err := os.Remove(conf); err != nil {
			t.Fatal(err)
		}
	})
	step("repair", func(t *testing.T) {
		for _, name := range []string{"wintun.dll", "holdfast.exe"} {
			if err := os.Remove(w.path(homePath + "/" + name)); err != nil {
				t.Fatal(err)
			}
		}
		w.must(t, "reg", "delete", `HKLM\System\CurrentControlSet\Services\EventLog\Application\Holdfast`, "/f")
		// What msiexec /f does, which Wine does not know.
		if code := w.installer(t, "/i", made.first, "REINSTALL=ALL", "REINSTALLMODE=omus"); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		w.holds(t, "1.0.0")
	})
	step("upgrade", func(t *testing.T) {
		if code := w.installer(t, "/i", made.second); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		w.holds(t, "1.1.0")
		if said := w.must(t, home+`\holdfast.exe`, "tunnel", "list"); !strings.Contains(said, "nl") {
			t.Errorf("the tunnel is gone: %s", said)
		}
	})
	step("refuse to go back", func(t *testing.T) {
		if code := w.installer(t, "/i", made.first); code != refused {
			t.Errorf("exit code %d, want %d", code, refused)
		}
		w.holds(t, "1.1.0")
	})
	step("remove", func(t *testing.T) {
		// What the tray keeps of the person.
		w.must(t, "reg", "add", `HKCU\Software\Holdfast`, "/v", "StartTrayAtLogin", "/t", "REG_DWORD", "/d", "0")
		w.must(t, "reg", "add", `HKCU\Software\Classes\AppUserModelId\Holdfast.Tray`, "/v", "DisplayName", "/d", "Holdfast")
		if code := w.installer(t, "/x", made.second); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		w.leaves(t, files, registry, data)
		if kept, err := filepath.Glob(w.path(homePath + "/Data/nl.conf*")); err != nil || len(kept) != 1 {
			t.Errorf("the tunnel was not kept: %v, %v", kept, err)
		}
	})
	step("install again and remove all", func(t *testing.T) {
		if code := w.installer(t, "/i", made.second); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		w.holds(t, "1.1.0")
		if code := w.installer(t, "/x", made.second, "PURGE=1"); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		w.leaves(t, files, registry, nothing)
	})
}
