package notify

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

func TestTheServiceIsLost(t *testing.T) {
	w := newWorld(everything)
	w.tell(0, wishFor("home"))
	w.tell(time.Second, judged("nl", health.Healthy, ""))
	lose := func(at, back time.Duration) {
		w.runTo(start.Add(at))
		w.gone = true
		w.look()
		w.runTo(start.Add(back))
		w.gone = false
		w.look()
	}
	lose(time.Minute, time.Minute+10*time.Second) // restarted
	lose(5*time.Minute, 6*time.Minute)
	want := "5m15s +service action_needed: The service does not answer\n6m0s -service"
	if got := w.told(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What is on the screen stays while the service is away: it may be true still.
func TestWhatIsToldStaysWhileTheServiceIsLost(t *testing.T) {
	w := newWorld(everything)
	w.tell(0, wishFor("home"))
	w.tell(time.Minute, judged("nl", health.Unhealthy, tunnel.ServerDown))
	w.runTo(start.Add(2 * time.Minute))
	w.gone = true
	w.look()
	w.runTo(start.Add(3 * time.Minute))
	want := "1m15s +link stall: The server is down\n2m15s +service action_needed: The service does not answer"
	if got := w.told(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A service that never answered, or of which nothing was wished, is not missed.
func TestAServiceThatIsNotNeededIsNotMissed(t *testing.T) {
	for _, wished := range []string{"", "off"} {
		w := newWorld(everything)
		if wished != "" {
			w.tell(0, wishFor("off"))
		}
		w.gone = true
		w.look()
		w.runTo(start.Add(time.Hour))
		if w.told() != "" || !w.desk.Next().IsZero() {
			t.Errorf("wish %q: %s, next %v", wished, w.told(), w.desk.Next())
		}
	}
}

// At the first look a trouble that lasts is told, a failover is none any more.
func TestTheFirstLook(t *testing.T) {
	for _, tt := range []struct{ event, want string }{
		{string(event.FailedOver), ""},
		{string(event.VerdictChanged), "2m0s +link stall: The server is down"},
	} {
		w := newWorld(everything)
		blind := w.desk
		w.desk = NewDesk()
		w.rules = func(time.Time) Rules { return Rules{} }
		w.tell(0, wishFor("home"))
		if tt.event == string(event.FailedOver) {
			w.tell(time.Minute, moved(event.FailedOver, "nl", "se", tunnel.ServerDown))
		} else {
			w.tell(time.Minute, judged("nl", health.Unhealthy, tunnel.ServerDown))
		}
		w.runTo(start.Add(2 * time.Minute))
		w.desk = blind
		w.rules = func(time.Time) Rules { return everything }
		w.look()
		w.runTo(start.Add(5 * time.Minute))
		if got := w.told(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.event, got, tt.want)
		}
	}
}

func TestSeenOnThePage(t *testing.T) {
	w := newWorld(everything)
	w.tell(0, wishFor("home"))
	w.tell(time.Minute, judged("nl", health.Unhealthy, tunnel.ServerDown))
	w.runTo(start.Add(2 * time.Minute))
	w.board.Ack(w.board.Open()[0].ID)
	w.look()
	w.tell(5*time.Minute, judged("nl", health.Healthy, ""))
	if got, want := w.told(), "1m15s +link stall: The server is down\n2m0s -link"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLeave(t *testing.T) {
	w := newWorld(everything)
	w.tell(0, wishFor("home"))
	w.tell(time.Minute, event.Event{Kind: event.NoticeOpened, To: string(event.CodeClockAhead)})
	w.tell(time.Minute, event.Event{Kind: event.NoticeOpened, To: string(event.CodeTargetGone)})
	if got := w.desk.Leave(); !reflect.DeepEqual(got, []Action{{Matter: "clock_ahead"}, {Matter: "target_gone"}}) {
		t.Errorf("got %+v", got)
	}
	if got := w.desk.Leave(); got != nil {
		t.Errorf("again: %+v", got)
	}
}

// What a note says, in both languages.
func TestWords(t *testing.T) {
	for _, tt := range []struct {
		language, title, body, after string
	}{
		{"", "Moved to se", "Switched from nl to se: the server is down. Without service for 2.4 s.", "Back on nl"},
		{"de", "Gewechselt zu se", "Switched from nl to se: the server is down. Without service for 2.4 s.", "Zurück auf nl"},
	} {
		r := everything
		r.Language = tt.language
		w := newWorld(r)
		w.tell(0, wishFor("home"))
		w.tell(time.Minute, moved(event.FailedOver, "nl", "se", tunnel.ServerDown))
		n := w.desk.shown[Link].note
		if n.Title != tt.title || n.Body != tt.body || n.Reconnect || n.Notice != 2 {
			t.Errorf("%+v", n)
		}
		w.tell(3*time.Minute, moved(event.FailedBack, "se", "nl", ""))
		if n := w.desk.shown[Link].note; n.Title != tt.after || !strings.Contains(n.Body, "se") || !n.Passing {
			t.Errorf("%+v", n)
		}
	}
	w := newWorld(everything)
	w.blocks = true
	w.tell(0, wishFor("home"))
	w.tell(time.Minute, judged("nl", health.Unhealthy, tunnel.ServerDown))
	w.runTo(start.Add(2 * time.Minute))
	n := w.desk.shown[Link].note
	if !strings.HasPrefix(n.Body, "nl: The server's computer") || !strings.HasSuffix(n.Body, "Traffic is blocked until then.") || !n.Reconnect {
		t.Errorf("%+v", n)
	}
	w.tell(5*time.Minute, judged("nl", health.Healthy, ""))
	if n := w.desk.shown[Link].note; n.Body != "It was without service for about 4 min." {
		t.Errorf("%+v", n)
	}
	for i := range reflect.TypeFor[words]().NumField() {
		if reflect.ValueOf(german).Field(i).String() == "" || reflect.ValueOf(english).Field(i).String() == "" {
			t.Errorf("word %d is missing", i)
		}
	}
	if _, body := german.flapping("nl", 5, start, start.Add(time.Hour)); body != "nl ist seit 12:00 5-mal ausgefallen. Das wird nur noch gemeldet, wenn es andauert; den Verlauf zeigt die Seite." {
		t.Error(body)
	}
	if _, body := english.flapping("nl", 5, start, start.Add(30*time.Hour)); !strings.HasPrefix(body, "nl has failed 5 times since 2026-03-02 12:00.") {
		t.Error(body)
	}
}

func TestSentences(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "One.": "One.", "One. Two.": "One. Two.", "One: 2.4 s. Two. Three. Four.": "One: 2.4 s. Two.",
	} {
		if got := sentences(text, 2); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestQuietHoursAndPause(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	const h = time.Hour
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, berlin) }
	night := Rules{QuietFrom: 22 * h, QuietUntil: 7 * h}
	for _, tt := range []struct {
		name      string
		rules     Rules
		now, want time.Time
	}{
		{"none", Rules{}, at(2, 3, 0), at(2, 3, 0)},
		{"the evening", night, at(2, 22, 0), at(3, 7, 0)},
		{"the small hours", night, at(2, 6, 59), at(2, 7, 0)},
		{"the morning", night, at(2, 7, 0), at(2, 7, 0)},
		{"noon", night, at(2, 12, 0), at(2, 12, 0)},
		{"by day", Rules{QuietFrom: 9 * h, QuietUntil: 17 * h}, at(2, 9, 0), at(2, 17, 0)},
		{"after a day", Rules{QuietFrom: 9 * h, QuietUntil: 17 * h}, at(2, 17, 0), at(2, 17, 0)},
		{"before a day", Rules{QuietFrom: 9 * h, QuietUntil: 17 * h}, at(2, 8, 59), at(2, 8, 59)},
		{"the night that the clock is put forward", night, at(28, 23, 0), at(29, 7, 0)},
		{"the night that it was, later", night, at(29, 3, 30), at(29, 7, 0)},
		{"a pause", Rules{PausedUntil: at(2, 13, 0)}, at(2, 12, 0), at(2, 13, 0)},
		{"a pause that is over", Rules{PausedUntil: at(2, 11, 0)}, at(2, 12, 0), at(2, 12, 0)},
		{"a pause into the night", Rules{QuietFrom: 22 * h, QuietUntil: 7 * h, PausedUntil: at(2, 23, 0)}, at(2, 21, 0), at(3, 7, 0)},
		{"a pause beyond the night", Rules{QuietFrom: 22 * h, QuietUntil: 7 * h, PausedUntil: at(3, 8, 0)}, at(2, 23, 0), at(3, 8, 0)},
	} {
		if got := tt.rules.opens(tt.now); !got.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
