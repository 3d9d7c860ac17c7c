package notify

import (
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// A happening is an event of a scenario.
type happening struct {
	after time.Duration
	event event.Event
}

// TestDesk is what a person sees on the desktop for what happens, with the real
// board between them.
func TestDesk(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	on := []happening{{0, wishFor("home")}, {s, judged("nl", health.Healthy, "")}}
	off := func(kinds ...Kind) Rules {
		r := Rules{Enabled: true, Off: map[Kind]bool{}}
		for _, k := range kinds {
			r.Off[k] = true
		}
		return r
	}
	for _, tt := range []struct {
		name   string
		rules  Rules
		then   []happening
		end    time.Duration
		blocks bool
		want   string
	}{
		{name: "nothing is told of what works, or of what the person does", rules: everything, then: []happening{
			{m, event.Event{Kind: event.WishChanged, Tunnel: "se", From: "nl", To: "se"}},
			{2 * m, event.Event{Kind: event.Restarted, Tunnel: "se", To: "rebind"}},
			{3 * m, wishFor("off")}, {4 * m, wishFor("work")},
		}},
		{name: "an outage, and its end in the same place", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.ServerDown)}, {4 * m, judged("nl", health.Healthy, "")},
		}, want: `1m15s +link stall: The server is down
			4m0s +link recovery (low): nl works again`},
		{name: "a blink is not told", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.ServerDown)}, {m + 9*s, judged("nl", health.Healthy, "")},
		}},
		{name: "a failover at once, the return, and no more", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
			{m, moved(event.FailedOver, "nl", "se", tunnel.Unanswered)}, {m + s, judged("se", health.Healthy, "")},
			{5 * m, moved(event.FailedBack, "se", "nl", "")},
		}, want: `1m0s +link failover: Moved to se
			5m0s +link recovery (low): Back on nl`},
		{name: "a failover is no news after ten minutes", rules: everything, then: []happening{
			{m, moved(event.FailedOver, "nl", "se", tunnel.Unanswered)}, {m, judged("se", health.Healthy, "")},
		}, want: `1m0s +link failover: Moved to se
			11m0s -link`},
		{name: "a failover takes the place of the trouble", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
			{2 * m, moved(event.FailedOver, "nl", "se", tunnel.Unanswered)},
		}, want: `1m15s +link stall: The tunnel carries nothing
			2m0s +link failover: Moved to se`},
		{name: "the person disconnects", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)}, {2 * m, wishFor("off")},
		}, want: `1m15s +link stall: The tunnel carries nothing
			2m0s -link`},
		{name: "the person switches to one that works", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
			{2 * m, event.Event{Kind: event.WishChanged, Tunnel: "se", From: "nl", To: "se"}},
			{2*m + s, judged("se", health.Healthy, "")},
		}, want: `1m15s +link stall: The tunnel carries nothing
			2m0s -link`},
		{name: "the network goes away, and no tunnel is blamed", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)}, {2 * m, network(tunnel.NoNetwork)},
			{5 * m, network("")}, {5*m + s, judged("nl", health.Healthy, "")},
		}, want: `1m15s +link stall: The tunnel carries nothing
			2m0s -link`},
		{name: "a sign-in page, until it is passed", rules: everything, then: []happening{
			{m, network(tunnel.SignIn)}, {3 * m, network("")},
		}, want: `1m5s +link action_needed: This network wants a sign-in
			3m0s -link`},
		{name: "what becomes known is told again only where it asks for more", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
			{2 * m, judged("nl", health.Unhealthy, tunnel.KeyOrServer)},
			{3 * m, judged("nl", health.Unhealthy, tunnel.KeyRefused)},
		}, want: `1m15s +link stall: The tunnel carries nothing
			3m0s +link action_needed: The server seems to refuse this key`},
		{name: "none answers", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
			{m + 2*s, event.Event{Kind: event.Held, Tunnel: "nl", To: event.HeldAllSilent}},
			{5 * m, judged("nl", health.Healthy, "")},
		}, want: `1m15s +link all_down: No member answers
			5m0s +link recovery (low): nl works again`},
		{name: "exhausted insists", rules: everything, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
			{5 * m, event.Event{Kind: event.Held, Tunnel: "nl", To: event.HeldExhausted}},
		}, want: `1m15s +link stall: The tunnel carries nothing
			5m0s +link all_down (critical): Restarting has not helped`},
		{name: "blocked insists", rules: everything, blocks: true, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
		}, want: `1m15s +link stall (critical): The tunnel carries nothing`},
		{name: "the guard fails", rules: everything, then: []happening{
			{m, event.Event{Kind: event.NoticeOpened, To: string(event.CodeGuardFailed)}},
			{2 * m, event.Event{Kind: event.NoticeCleared, From: string(event.CodeGuardFailed)}},
		}, want: `1m0s +guard_failed action_needed (critical): Your traffic may not be protected
			2m0s -guard_failed`},
		{name: "a firewall that was put right is for the page", rules: everything, then: []happening{
			{m, event.Event{Kind: event.NoticeOpened, To: string(event.CodeGuardDisturbed)}},
			{2 * m, event.Event{Kind: event.NoticeCleared, From: string(event.CodeGuardDisturbed)}},
		}, want: ""},
		{name: "the guard blocks", rules: everything, then: []happening{
			{m, event.Event{Kind: event.NoticeOpened, To: string(event.GuardChanged)}},
			{2 * m, event.Event{Kind: event.NoticeCleared, From: string(event.GuardChanged)}},
		}, want: `1m0s +link guard_blocking (critical): Traffic is blocked
			2m0s -link`},
		{name: "the policy disconnects, which only the person can undo", rules: everything, then: []happening{
			{m, event.Event{Kind: event.WishChanged, To: "off", Cause: tunnel.Unanswered}}, {9 * m, wishFor("home")},
		}, want: `1m0s +link action_needed: Disconnected by the policy
			9m0s -link`},
		{name: "matters of the service itself stand side by side", rules: everything, then: []happening{
			{m, event.Event{Kind: event.NoticeOpened, To: string(event.CodeClockAhead)}},
			{2 * m, event.Event{Kind: event.NoticeOpened, To: string(event.CodeTargetGone)}},
			{3 * m, event.Event{Kind: event.NoticeCleared, From: string(event.CodeClockAhead)}},
		}, want: `1m0s +clock_ahead action_needed: The clock jumped ahead
			2m0s +target_gone action_needed: What was asked for is gone
			3m0s -clock_ahead`},
		{name: "medium and low notices are for the page", rules: everything, then: []happening{
			{m, network(tunnel.NoNetwork)}, {5 * m, network("")},
			{6 * m, event.Event{Kind: event.NoticeOpened, To: string(event.CodeHistoryNotKept)}},
			{7 * m, event.Event{Kind: event.NoticeOpened, Tunnel: "nl", To: string(tunnel.Lossy)}},
		}},
		{name: "nothing at all where it is turned off", rules: Rules{}, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
		}},
		{name: "a kind that is turned off", rules: off(Failover, Recovery), then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
			{2 * m, moved(event.FailedOver, "nl", "se", tunnel.Unanswered)},
			{20 * m, judged("se", health.Unhealthy, tunnel.Unanswered)}, {30 * m, judged("se", health.Healthy, "")},
		}, want: `1m15s +link stall: The tunnel carries nothing
			2m0s -link
			20m15s +link stall: The tunnel carries nothing
			30m0s -link`},
		{name: "a stall that is turned off does not hide that none answers", rules: off(Stall), then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
			{2 * m, event.Event{Kind: event.Held, Tunnel: "nl", To: event.HeldAllSilent}},
		}, want: `2m0s +link all_down: No member answers`},
		{name: "the quiet hours end, and it is still true", rules: Rules{Enabled: true, QuietFrom: 11 * h, QuietUntil: 14 * h}, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
		}, end: 3 * h, want: `2h0m0s +link stall: The tunnel carries nothing`},
		{name: "the quiet hours end, and it is over", rules: Rules{Enabled: true, QuietFrom: 11 * h, QuietUntil: 14 * h}, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)}, {h, judged("nl", health.Healthy, "")},
		}, end: 3 * h},
		{name: "a pause", rules: Rules{Enabled: true, PausedUntil: start.Add(h)}, then: []happening{
			{m, judged("nl", health.Unhealthy, tunnel.Unanswered)},
		}, end: 2 * h, want: `1h0m0s +link stall: The tunnel carries nothing`},
		{name: "the same within half a minute", rules: everything, then: []happening{
			{m, event.Event{Kind: event.NoticeOpened, To: string(event.CodeClockAhead)}},
			{m + 5*s, event.Event{Kind: event.NoticeCleared, From: string(event.CodeClockAhead)}},
			{m + 6*s, event.Event{Kind: event.NoticeOpened, To: string(event.CodeClockAhead)}},
		}, want: `1m0s +clock_ahead action_needed: The clock jumped ahead
			1m5s -clock_ahead
			1m30s +clock_ahead action_needed: The clock jumped ahead`},
		{name: "trouble of the new member, and its end, do not tell the failover twice", rules: everything, then: []happening{
			{m, moved(event.FailedOver, "nl", "se", tunnel.Unanswered)},
			{2 * m, judged("se", health.Unhealthy, tunnel.ServerDown)}, {4 * m, judged("se", health.Healthy, "")},
		}, want: `1m0s +link failover: Moved to se
			2m15s +link stall: The server is down
			4m0s +link recovery (low): se works again`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(tt.rules)
			w.blocks = tt.blocks
			for _, x := range append(on, tt.then...) {
				w.tell(x.after, x.event)
			}
			w.runTo(start.Add(max(tt.end, w.now.Sub(start)+20*m)))
			if got, want := w.told(), strings.ReplaceAll(tt.want, "\t", ""); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
