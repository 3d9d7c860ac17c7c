package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// deb makes the package for Debian, Ubuntu and what follows them.
func (l *linuxJob) deb(ctx context.Context) error {
	files := l.system()
	files["usr/share/zsh/vendor-completions/_holdfast"] = files["usr/"+zshCompletion]
	delete(files, "usr/"+zshCompletion)
	license, err := os.ReadFile(filepath.Join(l.root, "LICENSE"))
	if err != nil {
		return err
	}
	changes, err := os.ReadFile(filepath.Join(l.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	doc := "usr/share/doc/holdfast/"
	files[doc+"copyright"] = text(l.fill("copyright") + debParagraph(string(license)))
	files[doc+"THIRD-PARTY.txt"] = text(l.legal.notice())
	files["usr/share/lintian/overrides/holdfast"] = text(l.fill("lintian-overrides"))
	files[doc+"changelog.gz"] = text(squeeze(string(changes)))
	files[doc+"changelog.Debian.gz"] = text(squeeze(l.debChangelog()))
	c := nfpmConfig{
		Section:  "net",
		Priority: "optional",
		Depends:  []string{fmt.Sprintf("libc6 (>= %s)", l.glibc), "init-system-helpers (>= 1.54~)", "systemd | systemd-standalone-sysusers | systemd-sysusers", "passwd"},
		Suggests: []string{"xdg-utils"},
		// xz makes it a tenth smaller, and takes ten times as long.
		Deb: map[string]any{"compression": "gzip"},
	}
	if key := signingKey(); key != "" {
		c.Deb["signature"] = map[string]any{"key_file": key, "method": "debsign", "type": "origin"}
	}
	return l.nfpm(ctx, "deb", c, files, map[string]string{
		"postinstall": l.fill("deb-postinst"), "preremove": l.fill("deb-prerm"), "postremove": l.fill("deb-postrm"),
	})
}

// debChangelog is the changelog of the package, which has one entry: what is new
// in the program stands in the other one.
func (l *linuxJob) debChangelog() string {
	return fmt.Sprintf("holdfast (%s-1) unstable; urgency=medium\n\n  * Holdfast %s, of commit %s.\n\n -- %s  %s\n",
		l.Version, l.Version, l.Commit, maintainer, l.Made.Format(time.RFC1123Z))
}

// debParagraph indents a text as the field of a control file continues: by a
// space, with a point on empty lines. The title of a licence is left out.
func debParagraph(license string) string {
	var b strings.Builder
	_, body, _ := strings.Cut(license, "\n\nPermission ")
	for line := range strings.Lines("Permission " + body) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			line = "."
		}
		b.WriteString(" " + line + "\n")
	}
	return b.String()
}
