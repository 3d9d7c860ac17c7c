package daemon

import (
	"context"
	"maps"
	"slices"
	"sync"

	"holdfast/service/event"
	"holdfast/store"
	"holdfast/web"
	"holdfast/web/api"
)

// opened is the word on a notice about the service itself.
func opened(code event.Code, evidence string) event.Event {
	return event.Event{Kind: event.NoticeOpened, To: string(code), Evidence: evidence}
}

// historyNews tells of a history that was damaged. One that cannot be written
// the engine tells of, as long as that is so.
func historyNews(r store.OpenReport) []event.Event {
	if r.MovedAside == "" && !r.Lost {
		return nil
	}
	evidence := r.Reason
	if r.MovedAside != "" {
		evidence += " It was kept as " + r.MovedAside + "."
	}
	return []event.Event{opened(event.CodeHistoryDamaged, evidence)}
}

// problems are the files of the configuration that are left out, as far as
// they have been told. The zero value has none.
type problems struct {
	mu   sync.Mutex
	told map[string]string // by file: what was said
}

// news returns what is to be told, so that what has been told is what is now.
func (p *problems) news(now map[string]error) []event.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	is := map[string]string{}
	for file, err := range now {
		is[file] = file + ": " + err.Error()
	}
	var out []event.Event
	for _, file := range slices.Sorted(maps.Keys(p.told)) {
		if is[file] != p.told[file] {
			out = append(out, event.Event{Kind: event.NoticeCleared, From: string(event.CodeConfigUnreadable), Evidence: p.told[file]})
		}
	}
	for _, file := range slices.Sorted(maps.Keys(is)) {
		if is[file] != p.told[file] {
			out = append(out, opened(event.CodeConfigUnreadable, is[file]))
		}
	}
	p.told = is
	return out
}

// mostRefusals is how many refusals may wait to be recorded; what is more is
// only logged.
const mostRefusals = 64

// audit logs who changed what, and has it recorded who was refused. It does not
// wait: a caller is answered whatever the engine is at.
func (d *Daemon) audit(r web.AuditRecord) {
	d.log.Info("asked", "user", r.Caller.User, "verb", r.Verb, "object", r.Object, "code", string(r.Code),
		"suppressed", r.Suppressed)
	if r.Code != api.NotPermitted {
		return
	}
	select {
	case d.refusals <- event.Event{Kind: event.Denied, From: r.Caller.User, To: r.Verb}:
	default:
		d.log.Warn("a refusal is not recorded: there are too many")
	}
}

// recordRefusals writes refusals down until ctx ends.
func (d *Daemon) recordRefusals(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-d.refusals:
			if err := d.engine.Record(ctx, e); err != nil && ctx.Err() == nil {
				d.log.Warn("record a refusal", "err", err)
			}
		}
	}
}
