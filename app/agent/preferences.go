package agent

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"time"

	"holdfast/app/autostart"
	"holdfast/app/prefs"
	"holdfast/web/api"
)

// prefsView is the reply of GET and PATCH /agent/v1/prefs.
type prefsView struct {
	Schema         int        `json:"schema"`
	Language       string     `json:"language"`
	Theme          string     `json:"theme"`
	Notify         notifyView `json:"notify"`
	StartAtLogin   bool       `json:"startAtLogin"`
	LoginSupported bool       `json:"loginSupported"`
}

// notifyView is prefs.Notify, with null for no pause.
type notifyView struct {
	Enabled     bool                `json:"enabled"`
	PausedUntil *time.Time          `json:"pausedUntil"` // null: there is none
	QuietFrom   string              `json:"quietFrom"`
	QuietUntil  string              `json:"quietUntil"`
	Kinds       map[prefs.Kind]bool `json:"kinds"`
}

// prefsPatch is the body of PATCH: what is missing stays as it is.
type prefsPatch struct {
	Language *string `json:"language"`
	Theme    *string `json:"theme"`
	Notify   *struct {
		Enabled *bool `json:"enabled"`
		// PausedUntil null ends the pause; so does a moment that has passed.
		PausedUntil json.RawMessage     `json:"pausedUntil"`
		QuietFrom   *string             `json:"quietFrom"`
		QuietUntil  *string             `json:"quietUntil"`
		Kinds       map[prefs.Kind]bool `json:"kinds"`
	} `json:"notify"`
	StartAtLogin *bool `json:"startAtLogin"`
}

func (h *Host) showPrefs(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, h.viewPrefs(h.opt.Prefs.Get()))
}

func (h *Host) changePrefs(w http.ResponseWriter, r *http.Request) {
	patch, no := readPatch(r)
	if no != nil {
		no.write(w)
		return
	}
	if patch.StartAtLogin != nil && h.opt.Demo != nil {
		refuse(http.StatusConflict, api.Conflict, "A demo does not start at login.", "").write(w)
		return
	}
	if err := patch.check(h.opt.Prefs.Get()); err != nil {
		refuse(http.StatusBadRequest, api.Invalid, "That is no preference: "+err.Error()+".", "").write(w)
		return
	}
	if patch.StartAtLogin != nil {
		if err := autostart.Set(*patch.StartAtLogin); err != nil {
			refuse(http.StatusConflict, api.Conflict, "Starting at login cannot be changed: "+err.Error()+".", "").write(w)
			return
		}
	}
	now, err := h.opt.Prefs.Change(patch.apply)
	if err != nil {
		h.log.Error("preferences were not kept", "err", err)
		refuse(http.StatusInternalServerError, api.Internal, "Your preferences could not be kept: "+err.Error()+".", "").write(w)
		return
	}
	writeJSON(w, http.StatusOK, h.viewPrefs(now))
}

// check says what of the patch cannot be kept, before any of it is.
func (p prefsPatch) check(now prefs.Prefs) error {
	if err := p.apply(&now); err != nil {
		return err
	}
	return now.Check()
}

func readPatch(r *http.Request) (prefsPatch, *refusal) {
	var patch prefsPatch
	invalid := refuse(http.StatusBadRequest, api.Invalid, "The request is not valid.", "")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return patch, invalid
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&patch); err != nil || dec.More() {
		return patch, invalid
	}
	return patch, nil
}

// apply changes preferences as the patch says.
func (p prefsPatch) apply(to *prefs.Prefs) error {
	set(&to.Language, p.Language)
	set(&to.Theme, p.Theme)
	if p.Notify == nil {
		return nil
	}
	set(&to.Notify.Enabled, p.Notify.Enabled)
	set(&to.Notify.QuietFrom, p.Notify.QuietFrom)
	set(&to.Notify.QuietUntil, p.Notify.QuietUntil)
	maps.Copy(to.Notify.Kinds, p.Notify.Kinds)
	if p.Notify.PausedUntil != nil {
		var until time.Time // stays zero for null
		if err := json.Unmarshal(p.Notify.PausedUntil, &until); err != nil {
			return err
		}
		to.Notify.PausedUntil = until
	}
	return nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (h *Host) viewPrefs(p prefs.Prefs) prefsView {
	view := prefsView{
		Schema: api.Schema, Language: p.Language, Theme: p.Theme,
		Notify: notifyView{
			Enabled: p.Notify.Enabled, QuietFrom: p.Notify.QuietFrom, QuietUntil: p.Notify.QuietUntil, Kinds: p.Notify.Kinds,
		},
	}
	if h.opt.Demo == nil { // a demo is nothing to start at login
		view.StartAtLogin, view.LoginSupported = autostart.Enabled(), autostart.Supported()
	}
	if !p.Notify.PausedUntil.IsZero() {
		until := p.Notify.PausedUntil.UTC()
		view.Notify.PausedUntil = &until
	}
	return view
}
