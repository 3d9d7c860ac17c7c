package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

const metricsContent = "text/plain; version=0.0.4; charset=utf-8"

func (s *server) metrics(w http.ResponseWriter, _ *http.Request) error {
	m := &figures{}
	st := s.Engine.Status()
	m.family("build_info", "gauge", "Which service this is.")
	m.add(1, "version", s.Version.Version, "commit", s.Version.Commit, "goversion", s.Version.Go)
	m.addState(st)
	m.addActive(st.Active)
	m.addMembers(st.Members)
	m.addEvents(s.Events.Counts())
	w.Header().Set("Content-Type", metricsContent)
	_, _ = w.Write([]byte(m.text.String()))
	return nil
}

// overalls are the states a service can be in, each a metric of its own.
var overalls = []status.Overall{
	status.Off, status.Connecting, status.Protected, status.Idle, status.Checking, status.Switching,
	status.Stalled, status.Blocked, status.Offline, status.SignInNeeded,
}

func (m *figures) addState(st status.Status) {
	m.family("overall", "gauge", "1 for the overall state, 0 for every other.")
	for _, o := range overalls {
		m.add(truth(st.Overall == o), "state", string(o))
	}
	m.single("wish_on", "Whether a tunnel is wished for.", truth(st.Wish.On))
	m.single("underlay_ok", "Whether the network below the tunnel can be used.", truth(st.Underlay == "ok"))
	m.single("guard_blocking", "Whether the guard blocks traffic now.", truth(st.Guard.Blocking))
	m.single("guard_verified", "Whether the rules of the guard were read back.", truth(st.Guard.Verified))
	m.single("guard_open", "Whether the guard was told to let everything pass for now.", truth(st.Guard.Released || st.Guard.PausedUntil != nil))
	m.single("notices_open", "Notices that a person should know of now.", float64(len(st.Notices)))
}

// verdicts are those a tunnel can have, each a metric of its own.
var verdicts = []health.Verdict{health.Unknown, health.Idle, health.Healthy, health.Suspect, health.Unhealthy}

// addActive tells the figures of the active member. Without one the families
// are there and empty.
func (m *figures) addActive(a *status.Active) {
	one := func(name, kind, help string, value func() (float64, bool)) {
		m.family(name, kind, help)
		if a == nil {
			return
		}
		if v, known := value(); known {
			m.add(v, "tunnel", string(a.Tunnel), "group", string(a.Group))
		}
	}
	one("tunnel_up", "gauge", "Whether the device of the active member is up.", func() (float64, bool) { return truth(a.State == tunnel.Up), true })
	m.family("tunnel_verdict", "gauge", "1 for the verdict about the active member, 0 for every other.")
	if a != nil {
		for _, v := range verdicts {
			m.add(truth(a.Verdict == v), "tunnel", string(a.Tunnel), "group", string(a.Group), "verdict", string(v))
		}
	}
	one("tunnel_receive_bytes_total", "counter", "Bytes received since the device came up.", func() (float64, bool) { return float64(a.RxBytes), true })
	one("tunnel_transmit_bytes_total", "counter", "Bytes sent since the device came up.", func() (float64, bool) { return float64(a.TxBytes), true })
	one("tunnel_handshake_age_seconds", "gauge", "Time since the last handshake.", func() (float64, bool) { return scaled(a.HandshakeAgeMs, 1000) })
	one("tunnel_rtt_seconds", "gauge", "Round trip through the tunnel.", func() (float64, bool) { return scaled(a.RTTMs, 1000) })
	one("tunnel_loss_ratio", "gauge", "Share of packets lost, 0 to 1.", func() (float64, bool) { return a.Loss, true })
}

func (m *figures) addMembers(members []status.Member) {
	m.family("member_rtt_seconds", "gauge", "Round trip of the last answered handshake of a member.")
	for _, one := range members {
		if v, known := scaled(one.RTTMs, 1000); known {
			m.add(v, "tunnel", string(one.Tunnel), "role", one.Role, "standby", one.Stand)
		}
	}
	m.family("member_last_answer_timestamp_seconds", "gauge", "When a member last answered a handshake.")
	for _, one := range members {
		if one.LastAnswer != nil {
			m.add(float64(one.LastAnswer.UnixMilli())/1000, "tunnel", string(one.Tunnel), "role", one.Role, "standby", one.Stand)
		}
	}
}

// switches are the kinds of event that moved to another member.
var switches = []event.Kind{event.FailedOver, event.FailedBack}

func (m *figures) addEvents(counts map[event.Kind]uint64) {
	m.family("switches_total", "counter", "Moves to another member since the service started.")
	for _, k := range switches {
		m.add(float64(counts[k]), "kind", string(k))
	}
	m.family("restarts_total", "counter", "Restarts of the active member since the service started.")
	m.add(float64(counts[event.Restarted]))
	m.family("events_total", "counter", "Events since the service started.")
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		m.add(float64(counts[k]), "kind", string(k))
	}
}

// figures writes the text format of Prometheus.
type figures struct {
	text strings.Builder
	name string
}

// family begins the figures of one name.
func (m *figures) family(name, kind, help string) {
	m.name = "holdfast_" + name
	fmt.Fprintf(&m.text, "# HELP %s %s\n# TYPE %s %s\n", m.name, helpEscaper.Replace(help), m.name, kind)
}

// add writes one figure of the family; labels are names and values in turn.
func (m *figures) add(value float64, labels ...string) {
	m.text.WriteString(m.name)
	for i := 0; i < len(labels); i += 2 {
		open := ","
		if i == 0 {
			open = "{"
		}
		fmt.Fprintf(&m.text, `%s%s="%s"`, open, labels[i], labelEscaper.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")))
	}
	if len(labels) > 0 {
		m.text.WriteByte('}')
	}
	m.text.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

func (m *figures) single(name, help string, value float64) {
	m.family(name, "gauge", help)
	m.add(value)
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// scaled is a figure that may not be known, divided.
func scaled[T int64 | float64](v *T, by float64) (float64, bool) {
	if v == nil {
		return 0, false
	}
	return float64(*v) / by, true
}
