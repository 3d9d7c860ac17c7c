package web

import (
	"net/http"
	"strconv"
	"strings"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/web/api"
)

// speak chooses the language of a reply's words for people, and says so in its
// head. What the service writes down, and why a request is refused, is English.
func speak(w http.ResponseWriter, r *http.Request) event.Language {
	lang := wanted(r.Header.Values("Accept-Language"))
	w.Header().Set("Content-Language", string(lang))
	return lang
}

// maxLanguages is how many languages of a request are looked at.
const maxLanguages = 20

// wanted is the language of ours that a person likes best: English where they
// like none, or several equally.
func wanted(headers []string) event.Language {
	best, liked := event.English, 0.0
	for i, part := range strings.Split(strings.Join(headers, ","), ",") {
		if i == maxLanguages {
			break
		}
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		lang, spoken := ours(strings.TrimSpace(tag))
		if q := quality(params); spoken && q > liked {
			best, liked = lang, q
		}
	}
	return best
}

// ours finds a language by its first part: "de-AT" is German to us.
func ours(tag string) (event.Language, bool) {
	primary, _, _ := strings.Cut(tag, "-")
	for _, lang := range event.Languages() {
		if strings.EqualFold(primary, string(lang)) || primary == "*" {
			return lang, true
		}
	}
	return "", false
}

// quality is how much a person likes a language, from 0 to 1; what cannot be
// read is not liked.
func quality(params string) float64 {
	value, given := strings.CutPrefix(strings.TrimSpace(params), "q=")
	if !given {
		return 1
	}
	q, err := strconv.ParseFloat(value, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// wordStatus puts a picture's notices in words. The picture itself is others' too.
func wordStatus(lang event.Language, st status.Status) status.Status {
	st.Notices = wordNotices(lang, st.Notices)
	return st
}

func wordNotices(lang event.Language, notices []event.Notice) []event.Notice {
	worded := make([]event.Notice, len(notices))
	for i, n := range notices {
		worded[i] = n.In(lang)
	}
	return worded
}

func wordEvent(lang event.Language, e event.Event) api.Event {
	return api.Event{Event: e, Sentence: e.SentenceIn(lang)}
}

func wordEvents(lang event.Language, events []event.Event) []api.Event {
	worded := make([]api.Event, len(events))
	for i, e := range events {
		worded[i] = wordEvent(lang, e)
	}
	return worded
}

func wordDiagnosis(lang event.Language, d api.Diagnosis) api.Diagnosis {
	w := event.DescribeIn(lang, d.Code)
	d.Title, d.What, d.Advice = w.Title, w.What, w.Advice
	return d
}
