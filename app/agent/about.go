package agent

import (
	"net/http"
	"os/user"
	"runtime"
	"time"

	"holdfast/build/version"
	"holdfast/web/api"
)

// languages are those the page has words in.
var languages = []string{"en", "de"}

// aboutView is the reply of GET /agent/v1/about.
type aboutView struct {
	Schema    int      `json:"schema"`
	Version   string   `json:"version"`
	Commit    string   `json:"commit"`
	OS        string   `json:"os"`
	Arch      string   `json:"arch"`
	Tray      bool     `json:"tray"`
	Demo      bool     `json:"demo"`
	ReadOnly  bool     `json:"readOnly"`
	User      string   `json:"user"` // "": not known
	Languages []string `json:"languages"`
}

func (h *Host) about(w http.ResponseWriter, r *http.Request) {
	view := aboutView{
		Schema: api.Schema, Version: version.Version, Commit: version.Commit, OS: runtime.GOOS, Arch: runtime.GOARCH,
		Tray: h.opt.Tray, Demo: h.opt.Demo != nil, ReadOnly: sessionOf(r).readOnly, Languages: languages,
	}
	if who, err := user.Current(); err == nil {
		view.User = who.Username
	}
	writeJSON(w, http.StatusOK, view)
}

// sessionView is one session, for the person to recognise.
type sessionView struct {
	ID       string    `json:"id"`
	Browser  string    `json:"browser"`
	ReadOnly bool      `json:"readOnly"`
	Begun    time.Time `json:"begun"`
	Used     time.Time `json:"used"`  // now, while a stream of it is open
	Until    time.Time `json:"until"` // at the latest
	Current  bool      `json:"current"`
}

// sessionList is the reply of GET /agent/v1/sessions, oldest first.
type sessionList struct {
	Schema   int           `json:"schema"`
	Sessions []sessionView `json:"sessions"`
}

func (h *Host) listSessions(w http.ResponseWriter, r *http.Request) {
	list := sessionList{Schema: api.Schema, Sessions: h.sessions.list()}
	for i := range list.Sessions {
		list.Sessions[i].Current = list.Sessions[i].ID == sessionOf(r).id
	}
	writeJSON(w, http.StatusOK, list)
}

func (h *Host) endSession(w http.ResponseWriter, r *http.Request) {
	if !h.sessions.end(r.PathValue("id")) {
		refuse(http.StatusNotFound, api.NotFound, "There is no such session.", "").write(w)
		return
	}
	writeJSON(w, http.StatusOK, api.Done{Schema: api.Schema})
}
