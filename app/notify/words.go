package notify

import (
	"fmt"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// words are those that no notice of the service has.
type words struct {
	language                                event.Language
	moved, works, worksBody, back, backBody string
	unsteady, unsteadyBody                  string
	lost, lostBody                          string
	blocked                                 string
}

var english = words{
	language:     event.English,
	moved:        "Moved to %s",
	works:        "%s works again",
	worksBody:    "It was without service for about %s.",
	back:         "Back on %s",
	backBody:     "It works again, so the tunnel moved back from %s.",
	unsteady:     "The connection is unsteady",
	unsteadyBody: "%s has failed %d times since %s. You will be told when that lasts, and not each time; the page has the history.",
	lost:         "The service does not answer",
	lostBody:     "Holdfast's background service is not there. Your tunnel may or may not be up. Start the service to be sure.",
	blocked:      "Traffic is blocked until then.",
}

func wordsOf(language string) words {
	if language == "de" {
		return german
	}
	return english
}

func (w words) movedTo(name tunnel.Name) string { return fmt.Sprintf(w.moved, name) }

func (w words) recovered(name tunnel.Name, lasted time.Duration) (title, body string) {
	return fmt.Sprintf(w.works, name), fmt.Sprintf(w.worksBody, event.SpanIn(w.language, max(lasted, time.Second)))
}

func (w words) returned(from, to tunnel.Name) (title, body string) {
	return fmt.Sprintf(w.back, to), fmt.Sprintf(w.backBody, from)
}

// flapping names the day as well where since is of another one.
func (w words) flapping(name tunnel.Name, times int, since, now time.Time) (title, body string) {
	layout := "15:04"
	if now.Sub(since) > 20*time.Hour {
		layout = "2006-01-02 15:04"
	}
	return w.unsteady, fmt.Sprintf(w.unsteadyBody, name, times, since.Format(layout))
}
