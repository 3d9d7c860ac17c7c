package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"holdfast/app/notify"
	"holdfast/app/prefs"
)

// lonelyMatter is about a desktop that shows no icons.
const lonelyMatter notify.Matter = "no_tray"

// sayLonely says that nobody shows icons on this desktop: once, and not at each
// login. The page and the notifications are there all the same.
func (t *tray) sayLonely(now time.Time) {
	if t.lonely.IsZero() || now.Before(t.lonely) {
		return
	}
	t.lonely = time.Time{}
	if t.desk.hasTray() {
		return // it came up later than we did
	}
	w := wordsIn(t.language)
	fmt.Fprintf(os.Stderr, "%s. %s\n", w.noTray, w.noTrayWhat)
	if t.teller == nil || !firstTime() {
		return
	}
	n := notify.Note{Matter: lonelyMatter, Urgency: notify.Low, Title: w.noTray, Body: w.noTrayWhat}
	t.teller.do(notify.Action{Matter: n.Matter, Show: &n})
}

// firstTime says that it was not said before, and keeps that it is said now.
// Where that cannot be kept, it counts as said: too seldom is better than too often.
func firstTime() bool {
	path, err := prefs.Path()
	if err != nil {
		return false
	}
	path = filepath.Join(filepath.Dir(path), "no-tray-said")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) || err != nil {
		return false
	}
	return f.Close() == nil
}
