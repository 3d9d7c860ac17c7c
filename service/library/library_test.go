package library_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/service/library"
	"holdfast/service/tunnel"
)

const conf = `[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.0.0.2/32

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 0.0.0.0/0
Endpoint = vpn.example.com:51820
`

func config(t *testing.T) *tunnel.Config {
	t.Helper()
	c, err := tunnel.Parse([]byte(conf))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens a library with these tunnels, which are not sealed; see vault_test.go
// for those that are.
func open(t *testing.T, dir string, names ...tunnel.Name) *library.Library {
	t.Helper()
	l, err := library.OpenPlain(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if err := l.Save(n, config(t), false); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func put(t *testing.T, dir, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files lists the directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func wantNames(t *testing.T, l *library.Library, want ...tunnel.Name) {
	t.Helper()
	if got := l.Tunnels(); !slices.Equal(got, want) {
		t.Errorf("tunnels are %v, want %v", got, want)
	}
}

func wantError(t *testing.T, err, want error, pieces ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
		return
	}
	for _, p := range pieces {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func TestOpenMakesAClosedDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "holdfast")
	l := open(t, dir)
	wantNames(t, l)
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("an empty library has files: %v", got)
	}
	if len(l.Problems()) != 0 || len(l.Groups()) != 0 {
		t.Errorf("an empty library has %v, %v", l.Problems(), l.Groups())
	}
}

func TestSaveIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "nl", "de")
	wantNames(t, l, "de", "nl")
	wantError(t, l.Save("nl", config(t), false), library.ErrExists, "nl")

	changed := config(t)
	changed.Interface.MTU = 1300
	if err := l.Save("nl", changed, true); err != nil {
		t.Fatal(err)
	}
	changed.Interface.MTU = 1400 // after it was saved
	for _, l := range []*library.Library{l, open(t, dir)} {
		wantNames(t, l, "de", "nl")
		got, err := l.Tunnel("nl")
		if err != nil {
			t.Fatal(err)
		}
		if got.Interface.MTU != 1300 {
			t.Errorf("MTU is %d, want 1300", got.Interface.MTU)
		}
		got.Peers[0].AllowedIPs[0], got.Interface.MTU = changed.Interface.Addresses[0], 9000
		if again, _ := l.Tunnel("nl"); again.Equal(got) {
			t.Error("changing what Tunnel returned has changed the library")
		}
	}
	_, err := l.Tunnel("fr")
	wantError(t, err, library.ErrNotFound, "fr")
	if got := read(t, dir, "de.conf"); got != config(t).Render() {
		t.Errorf("stored\n%s", got)
	}
}

func TestSaveRefusesAndStoresNothing(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "nl", "de")
	if err := l.SetGroup("home", []tunnel.Name{"nl", "de"}); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)

	wantError(t, l.Save("NL", config(t), true), library.ErrExists, "nl", "case")
	wantError(t, l.Save("home", config(t), true), library.ErrExists, "home")
	wantError(t, l.Save("Home", config(t), true), library.ErrExists, "home")
	for _, name := range []tunnel.Name{"", ".", "..", "../x", "a/b", `a\b`, "con", "NUL", "a b", "a\x00", "sixteen-letters-", ".hidden", "ends.", "é"} {
		wantError(t, l.Save(name, config(t), true), library.ErrInvalid)
	}
	bad := config(t)
	bad.Interface.PostUp = []string{"x\n[Peer]"}
	problems, is := errors.AsType[tunnel.Problems](l.Save("nl", bad, true))
	if !is || len(problems) == 0 {
		t.Errorf("got %v, want Problems", problems)
	}
	_, is = errors.AsType[tunnel.Problems](l.Save("new", &tunnel.Config{}, false))
	if !is {
		t.Error("an empty config was stored")
	}
	if got := files(t, dir); !slices.Equal(got, before) {
		t.Errorf("files are %v, were %v", got, before)
	}
	if got := read(t, dir, "nl.conf"); got != config(t).Render() {
		t.Errorf("nl is now\n%s", got)
	}
}

func TestBadFilesDoNotStopTheOthers(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, "good")
	put(t, dir, "bad.conf", "[Interface]\nFoo = 1\n")
	put(t, dir, "empty.conf", "")
	put(t, dir, "my tunnel.conf", conf)
	_ = os.WriteFile(filepath.Join(dir, "con.conf"), []byte(conf), 0o600)
	put(t, dir, "SHOUT.CONF", conf)
	put(t, dir, "huge.conf", conf+strings.Repeat("#", tunnel.MaxBytes))
	put(t, dir, "README", "not mine")
	put(t, dir, ".hidden.conf", "not mine")
	if err := os.Mkdir(filepath.Join(dir, "dir.conf"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := open(t, dir)
	wantNames(t, l, "good")
	problems := l.Problems()
	want := map[string]string{
		"bad.conf":       `line 2: unknown key "Foo"`,
		"empty.conf":     "line 1: there is no [Interface]",
		"my tunnel.conf": "use 1 to 15 of the characters",
		"con.conf":       "Windows reserves",
		"SHOUT.CONF":     "small letters",
		"huge.conf":      "larger than 256 KiB",
		"dir.conf":       "not a file",
	}
	if !slices.Contains(files(t, dir), "con.conf") {
		delete(want, "con.conf") // Windows has made no file of this name
	}
	for file, says := range want {
		if err := problems[file]; err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", file, err, says)
		}
		delete(problems, file)
	}
	if len(problems) != 0 {
		t.Errorf("more problems: %v", problems)
	}
	if _, err := l.Tunnel("bad"); err == nil || !strings.Contains(err.Error(), "Foo") {
		t.Errorf("got %v, want why bad cannot be used", err)
	}
	if _, err := l.Resolve("bad"); err == nil || !strings.Contains(err.Error(), "Foo") {
		t.Errorf("got %v, want why bad cannot be used", err)
	}

	wantError(t, l.Save("bad", config(t), false), library.ErrExists)
	if err := l.Save("bad", config(t), true); err != nil {
		t.Error(err)
	}
	if err := l.Remove("empty"); err != nil {
		t.Error(err)
	}
	wantNames(t, l, "bad", "good")
	if p := l.Problems(); p["bad.conf"] != nil || p["empty.conf"] != nil {
		t.Errorf("mended, but still a problem: %v", p)
	}
}

func TestReloadTakesEditsIn(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "nl", "de")
	if err := l.SetGroup("home", []tunnel.Name{"nl", "de"}); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "fr.conf", "\xef\xbb\xbf# by hand\r\n"+strings.ReplaceAll(conf, "\n", "\r\n"))
	put(t, dir, "home.conf", conf)
	put(t, dir, "de.conf", "nothing")
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, l, "fr", "nl")
	p := l.Problems()
	for file, says := range map[string]string{"home.conf": "group home", "de.conf": "line 1", "holdfast.toml": "tunnel de is not found"} {
		if p[file] == nil || !strings.Contains(p[file].Error(), says) {
			t.Errorf("%s: got %v, want %q", file, p[file], says)
		}
	}
	members, err := l.Resolve("home")
	if err != nil || len(members) != 1 || members[0].Name != "nl" {
		t.Errorf("got %v, %v, want nl alone", members, err)
	}
	if got := l.Groups()["home"]; !slices.Equal(got, []tunnel.Name{"nl", "de"}) {
		t.Errorf("the group has forgotten a member: %v", got)
	}
	put(t, dir, "nl.conf", "nothing")
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	_, err = l.Resolve("home")
	wantError(t, err, library.ErrNotFound, "home")
}

func TestLeftoversAreRemoved(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, "nl")
	put(t, dir, ".nl.conf8241", "[Interface]\nPriva")
	put(t, dir, ".holdfast.toml77", "[gro")
	put(t, dir, ".nl.conf", "a person's")
	put(t, dir, ".notes8241", "a person's")
	l := open(t, dir)
	wantNames(t, l, "nl")
	if got, want := files(t, dir), []string{".nl.conf", ".notes8241", "nl.conf"}; !slices.Equal(got, want) {
		t.Errorf("files are %v, want %v", got, want)
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "nl", "de")
	if err := errors.Join(l.SetGroup("home", []tunnel.Name{"nl"}), l.SetGroup("away", []tunnel.Name{"de", "nl"})); err != nil {
		t.Fatal(err)
	}
	wantError(t, l.Remove("nl"), library.ErrInUse, "away, home")
	wantError(t, l.Remove("fr"), library.ErrNotFound)
	wantError(t, l.Remove("home"), library.ErrNotFound)
	wantError(t, l.Remove("../nl"), library.ErrInvalid)
	if err := errors.Join(l.RemoveGroup("home"), l.RemoveGroup("away"), l.Remove("nl")); err != nil {
		t.Fatal(err)
	}
	wantNames(t, open(t, dir), "de")
	wantNames(t, l, "de")
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "nl", "de", "fr")
	if err := errors.Join(l.SetGroup("home", []tunnel.Name{"nl", "de"}), l.SetGroup("away", []tunnel.Name{"de", "nl"})); err != nil {
		t.Fatal(err)
	}
	wantError(t, l.Rename("nl", "de"), library.ErrExists)
	wantError(t, l.Rename("nl", "DE"), library.ErrExists)
	wantError(t, l.Rename("nl", "home"), library.ErrExists)
	wantError(t, l.Rename("no", "se"), library.ErrNotFound)
	wantError(t, l.Rename("nl", "a/b"), library.ErrInvalid)
	put(t, dir, "es.conf", "nothing, but in the way")
	wantError(t, l.Rename("nl", "es"), library.ErrExists)
	for _, r := range [][2]tunnel.Name{{"nl", "ams"}, {"ams", "AMS"}, {"fr", "fr"}, {"fr", "FR"}} {
		if err := l.Rename(r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []*library.Library{l, open(t, dir)} {
		wantNames(t, l, "AMS", "FR", "de")
		g := l.Groups()
		if !slices.Equal(g["home"], []tunnel.Name{"AMS", "de"}) || !slices.Equal(g["away"], []tunnel.Name{"de", "AMS"}) {
			t.Errorf("groups are %v", g)
		}
	}
	put(t, dir, "holdfast.toml", "damaged")
	wantError(t, l.Rename("AMS", "nl"), library.ErrDamaged)
	wantError(t, l.Rename("AMS", "ams"), library.ErrDamaged)
	wantNames(t, l, "AMS", "FR", "de")
	if got, want := files(t, dir), []string{"AMS.conf", "FR.conf", "de.conf", "es.conf", "holdfast.toml"}; !slices.Equal(got, want) {
		t.Errorf("files are %v, want %v", got, want)
	}
}

// An interrupted rename of the case alone leaves the group with the old one.
func TestMembersTakeTheCaseOfTheirFile(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, "AMS")
	put(t, dir, "holdfast.toml", "[groups]\nhome = [\"ams\"]\n")
	l := open(t, dir)
	if got := l.Groups()["home"]; !slices.Equal(got, []tunnel.Name{"AMS"}) || len(l.Problems()) != 0 {
		t.Errorf("got %v, %v", got, l.Problems())
	}
}

// TestDocumentStaysReadable: what is written must be read again, also where
// somebody makes groups without end.
func TestDocumentStaysReadable(t *testing.T) {
	dir := t.TempDir()
	var members []tunnel.Name
	for i := range 32 {
		members = append(members, tunnel.Name(fmt.Sprintf("member-%08d", i)))
	}
	open(t, dir, members...)
	nearlyFull := "[groups]\n"
	for i := range 400 {
		nearlyFull += fmt.Sprintf("group-%09d = [\"%s\"]\n", i, strings.Join(texts(members), `", "`))
	}
	put(t, dir, "holdfast.toml", nearlyFull)
	l := open(t, dir)
	var refused error
	for i := 400; i < 500 && refused == nil; i++ {
		refused = l.SetGroup(tunnel.Name(fmt.Sprintf("group-%09d", i)), members)
	}
	if !errors.Is(refused, library.ErrInvalid) {
		t.Errorf("got %v, want a refusal at some point", refused)
	}
	if _, err := library.OpenPlain(dir); err != nil {
		t.Errorf("it cannot be opened any more: %v", err)
	}
	if err := l.RemoveGroup("group-000000000"); err != nil {
		t.Errorf("it cannot be changed any more: %v", err)
	}
}

func texts(names []tunnel.Name) []string {
	var out []string
	for _, n := range names {
		out = append(out, string(n))
	}
	return out
}
