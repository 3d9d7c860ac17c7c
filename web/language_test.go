package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web"
	"holdfast/web/api"
)

// in sends a request of a person who likes a language.
func (l *live) in(language, method, path, body string) reply {
	l.t.Helper()
	req := l.request(method, path, body)
	req.Header.Set("Accept-Language", language)
	return l.send(req)
}

// TestRepliesInTheLanguageThatIsAskedFor: notices, sentences and diagnoses.
func TestRepliesInTheLanguageThatIsAskedFor(t *testing.T) {
	l := start(t, web.Operator)
	l.do("POST", "/api/v1/connect", `{"target":"home"}`)
	l.world.Happen(event.Woke)
	w := event.Describe(event.Code(tunnel.NoNetwork))
	l.world.Change(func(s *status.Status) {
		s.Notices = []event.Notice{{ID: 7, Code: event.Code(tunnel.NoNetwork), Title: w.Title, What: w.What, Advice: w.Advice}}
	})
	for _, c := range []struct{ method, path, body, german, english string }{
		{"GET", "status", "", "Kein Netz", "No network"},
		{"POST", "connect", `{"target":"home"}`, "Kein Netz", "No network"},
		{"GET", "history", "", `"sentence":"Der Computer ist aufgewacht."`, `"sentence":"The computer woke."`},
		{"POST", "diagnosis/run", "{}", "Was geprüft wurde, funktioniert, wie es soll.", "works as it should"},
		{"GET", "diagnosis", "", "Was geprüft wurde, funktioniert, wie es soll.", "works as it should"},
		{"GET", "notices", "", `"Kabel oder WLAN prüfen."`, "the cable or the Wi-Fi"},
	} {
		for language, want := range map[string]string{"de-AT, en;q=0.5": c.german, "en": c.english, "fr": c.english} {
			lang := "en"
			if want == c.german {
				lang = "de"
			}
			got := l.in(language, c.method, "/api/v1/"+c.path, c.body)
			if got.code != 200 || !strings.Contains(got.body, want) || got.header.Get("Content-Language") != lang {
				t.Errorf("%s in %s: got %d, in %q, %s, want %q", c.path, language, got.code, got.header.Get("Content-Language"), got.body, want)
			}
		}
	}
	if got := l.in("de", "GET", "/api/v1/tunnels/zz", ""); got.code != 404 || got.header.Get("Content-Language") != "en" {
		t.Errorf("a refusal: got %d in %q, want it said to be English", got.code, got.header.Get("Content-Language"))
	}
	if n := l.world.Status().Notices[0]; n.Title != w.Title {
		t.Errorf("the picture of everybody now says %q", n.Title)
	}
}

func TestStreamInTheLanguageThatIsAskedFor(t *testing.T) {
	l := start(t, web.Operator)
	r, english := l.listen(" Accept-Language: de"), l.listen("")
	r.want(t, "snapshot")
	english.want(t, "snapshot")
	l.world.Happen(event.Woke)
	var e api.Event
	if err := json.Unmarshal([]byte(r.want(t, "event").data), &e); err != nil || e.Sentence != "Der Computer ist aufgewacht." || e.Kind != event.Woke {
		t.Errorf("got %+v, %v", e, err)
	}
	l.world.Change(func(s *status.Status) {
		s.Notices = []event.Notice{{ID: 7, Code: event.Code(tunnel.NoNetwork), Title: "No network"}}
	})
	if m := r.want(t, "status"); !strings.Contains(m.data, "Kein Netz") {
		t.Errorf("got %+v", m)
	}
	// What streams share, they share with those of their language.
	if m := english.want(t, "event"); !strings.Contains(m.data, "The computer woke.") {
		t.Errorf("in English: got %+v", m)
	}
	if m := english.want(t, "status"); !strings.Contains(m.data, "No network") {
		t.Errorf("in English: got %+v", m)
	}
}
