package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"holdfast/app/tray/icon"
	"holdfast/installer/macos"
)

// The inputs for signing what runs on a Mac, as variables of the environment: names
// of identities in the keychain, and of the credentials that notarytool keeps there.
const (
	macAppIdentity       = "HOLDFAST_MAC_APP_IDENTITY"       // "Developer ID Application: …"
	macInstallerIdentity = "HOLDFAST_MAC_INSTALLER_IDENTITY" // "Developer ID Installer: …"
	macNotaryProfile     = "HOLDFAST_MAC_NOTARY_PROFILE"     // of: notarytool store-credentials
)

// macProcessors are the processors as Apple names them.
var macProcessors = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// makeDarwin makes the package of macOS, and an archive of the programs. It needs a
// Mac with the command line tools of Xcode: the tray is built with its frameworks,
// and only its own tools make packages.
func makeDarwin(ctx context.Context, j *job) error {
	if runtime.GOOS != "darwin" {
		return errors.New("packages of macOS are made on a Mac")
	}
	programs, err := j.macPrograms(ctx)
	if err != nil {
		return err
	}
	legal, err := j.findLegal(ctx, programs)
	if err != nil {
		return err
	}
	licence, err := os.ReadFile(filepath.Join(j.root, "LICENSE"))
	if err != nil {
		return err
	}
	beside := tree{"LICENSE.txt": text(string(licence)), "THIRD-PARTY.txt": text(legal.notice())}
	if err := j.writeMac(programs, beside); err != nil {
		return err
	}
	for _, command := range j.macCommands(os.Getenv) {
		if _, err := output(ctx, j.dir, command[0], command[1:]...); err != nil {
			return err
		}
	}
	if err := j.macArchive(beside); err != nil {
		return err
	}
	return j.writeBill(programs, legal)
}

// macPrograms builds the three programs, and returns them by name.
func (j *job) macPrograms(ctx context.Context) (map[string][]byte, error) {
	built := map[string][]byte{}
	for name := range programs {
		data, err := j.build(ctx, name, []string{"CGO_ENABLED=1", "MACOSX_DEPLOYMENT_TARGET=12.0"}, []string{j.linkerFlags()})
		if err != nil {
			return nil, err
		}
		built[name] = data
	}
	return built, nil
}

// Where in its app the tray is.
const (
	macAppContents = macos.App + "/Contents/"
	macTray        = macAppContents + "MacOS/holdfast-tray"
)

// macPayload are the files of the package.
func (j *job) macPayload(programs map[string][]byte, beside tree) tree {
	files := tree{
		macos.Plist:                                text(macos.PlistText(macos.Programs + "/holdfastd")),
		macos.TrayPlist:                            text(macos.TrayText()),
		macos.Programs + "/holdfastd":              {0o755, programs["holdfastd"]},
		macos.Programs + "/holdfast":               {0o755, programs["holdfast"]},
		macos.Programs + "/" + macos.Script:        {0o755, []byte(macos.ScriptText())},
		macTray:                                    {0o755, programs["holdfast-tray"]},
		macAppContents + "Info.plist":              text(macos.InfoText(j.numeric())),
		macAppContents + "Resources/holdfast.icns": {0o644, icon.ICNS(icon.Protected, icon.Colour)},
	}
	for name, f := range beside {
		files[macos.Programs+"/"+name] = f
	}
	payload := tree{}
	for name, f := range files {
		payload[strings.TrimPrefix(name, "/")] = f
	}
	return payload
}

// writeMac writes what macCommands reads: the files of the package in payload, what
// the installer runs in scripts, and what its tools are told in told.
func (j *job) writeMac(programs map[string][]byte, beside tree) error {
	scripts := tree{}
	for name, script := range macos.Scripts() {
		scripts[name] = file{0o755, []byte(script)}
	}
	told := tree{
		"component.plist":  text(macos.ComponentText()),
		"distribution.xml": text(macos.DistributionText(j.numeric(), macProcessors[j.arch])),
	}
	maps.Copy(told, beside)
	for name, t := range map[string]tree{"payload": j.macPayload(programs, beside), "scripts": scripts, "told": told} {
		if err := t.write(filepath.Join(j.dir, name), j.Made); err != nil {
			return err
		}
	}
	return nil
}

// macName is the name of a package or archive, without its ending.
func (j *job) macName() string { return fmt.Sprintf("holdfast-%s-macos-%s", j.Version, j.arch) }

// macCommands are the programs that make the package of what writeMac wrote, in the
// same folder: they sign the programs, pack them, sign the package, and have Apple
// look at it. Without an identity the programs are signed as nobody's, which Macs
// with Apple's own processors want at least, and the package is not signed.
func (j *job) macCommands(env func(string) string) [][]string {
	identity, made := env(macAppIdentity), j.macName()+".pkg"
	sign := []string{"/usr/bin/codesign", "--force", "--sign", "-"}
	if identity != "" {
		sign = []string{"/usr/bin/codesign", "--force", "--timestamp", "--options", "runtime", "--sign", identity}
	}
	commands := [][]string{}
	for _, p := range []struct{ id, path string }{
		{macos.Label, macos.Programs + "/holdfastd"}, {"org.holdfast.holdfast", macos.Programs + "/holdfast"}, {macos.TrayLabel, macos.App},
	} {
		commands = append(commands, append(slices.Clip(sign), "--identifier", p.id, path.Join("payload", p.path)))
	}
	product := []string{"/usr/bin/productbuild", "--distribution", "told/distribution.xml", "--resources", "told", "--package-path", "."}
	if installer := env(macInstallerIdentity); installer != "" {
		product = append(product, "--timestamp", "--sign", installer)
	}
	commands = append(commands,
		[]string{"/usr/bin/pkgbuild", "--root", "payload", "--scripts", "scripts", "--component-plist", "told/component.plist",
			"--identifier", macos.Receipt, "--version", j.numeric(), "--install-location", "/", "--ownership", "recommended", "holdfast.pkg"},
		append(product, made),
	)
	if profile := env(macNotaryProfile); profile != "" {
		commands = append(commands,
			[]string{"/usr/bin/xcrun", "notarytool", "submit", made, "--keychain-profile", profile, "--wait"},
			[]string{"/usr/bin/xcrun", "stapler", "staple", made},
		)
	}
	return commands
}

// macArchive puts the package in its place, and makes the archive of the signed
// programs for who would rather not run an installer.
func (j *job) macArchive(beside tree) error {
	if err := os.Rename(filepath.Join(j.dir, j.macName()+".pkg"), filepath.Join(j.out, j.macName()+".pkg")); err != nil {
		return err
	}
	files := maps.Clone(beside)
	for _, root := range []string{macos.Programs, path.Dir(macos.App)} {
		from := filepath.Join(j.dir, "payload", root)
		if err := files.read(from); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(j.out, j.macName()+".tar.gz"))
	if err != nil {
		return err
	}
	return errors.Join(files.tarGz(f, j.macName(), j.Made), f.Close())
}
