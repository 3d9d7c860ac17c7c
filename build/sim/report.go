package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report writes what came of every class, the healthy ones first.
func Report(out io.Writer, seed uint64, command string, classes []Class, rows [][]Row) error {
	b := &strings.Builder{}
	head(b, seed, command, classes, rows)
	summary(b, classes, rows)
	fmt.Fprint(b, "## Nothing is wrong\n\n")
	fmt.Fprintf(b, "Whatever is said or done here is false. Moves back to a preferred member are not counted; \"without\" is\nhow many seconds of 24 h the person's programs were without service although nothing was wrong.\n\n")
	for i, c := range classes {
		if c.Healthy {
			healthy(b, c, rows[i])
		}
	}
	fmt.Fprint(b, "## Something goes wrong\n\n")
	fmt.Fprintf(b, "Times in seconds. A fault that cost a person more than %s and was not noticed is missed; the outage of one\nthat was not noticed counts in full. Probes are what a program sends of its own and gets back.\n\n", missedAfter)
	for i, c := range classes {
		if !c.Healthy {
			faulty(b, c, rows[i])
		}
	}
	b.WriteString(leftOut)
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func head(b *strings.Builder, seed uint64, command string, classes []Class, rows [][]Row) {
	var worlds int
	var long time.Duration
	for i := range classes {
		for _, r := range rows[i] {
			worlds += r.Worlds
			long += r.Simulated
		}
	}
	fmt.Fprintf(b, `# Detectors side by side

Holdfast's own brain (service/brain, with the monitor and the machine in it) and models of the rules of other
programs, each in the same modelled worlds. The others are not their programs: they are their rules and
constants as files build/sim/rival_*.go have them, each with where it comes from. WG Tunnel and the watchdog have no
second server to move to; all they do is what is modelled.

Remade, byte for byte, by `+"`%s`"+`: seed %d, %d worlds, %.0f simulated hours (%.1f years).

`, command, seed, worlds, long.Hours(), long.Hours()/24/365)
}

// summary is the few figures that most people look for.
func summary(b *strings.Builder, classes []Class, rows [][]Row) {
	fmt.Fprint(b, "## In short\n\n")
	fmt.Fprint(b, "Over all faults that another member can end: the middle and the 99th of 100 outages, how many were missed; and the false moves of a day, summed over all healthy classes.\n\n")
	fmt.Fprint(b, "| | faults | outage median | outage p99 | missed | healthy days | false verdicts | false switches |\n|---|---|---|---|---|---|---|---|\n")
	for k := range rows[0] {
		var all Row
		var days float64
		var verdicts, switches int
		for i, c := range classes {
			r := rows[i][k]
			if c.Healthy {
				days += r.Healthy.Hours() / 24
				verdicts += r.FalseVerdicts
				switches += r.FalseSwitches
			} else if !c.Whole {
				all.Faults += r.Faults
				all.Missed += r.Missed
				all.Outages = append(all.Outages, r.Outages...)
			}
		}
		slices.Sort(all.Outages)
		fmt.Fprintf(b, "| %s | %d | %s | %s | %d | %.0f | %d | %d |\n", rows[0][k].Contender, all.Faults,
			seconds(Quantile(all.Outages, 0.5)), seconds(Quantile(all.Outages, 0.99)), all.Missed, days, verdicts, switches)
	}
	fmt.Fprintln(b)
}

func healthy(b *strings.Builder, c Class, rows []Row) {
	fmt.Fprintf(b, "### %s\n\n| | false verdicts / 24 h | false switches / 24 h | without, s / 24 h | probes, B/h |\n|---|---|---|---|---|\n", c.Name)
	for _, r := range rows {
		per := 24 / r.Healthy.Hours()
		fmt.Fprintf(b, "| %s | %s | %s | %s | %.0f |\n", r.Contender, rate(float64(r.FalseVerdicts)*per),
			rate(float64(r.FalseSwitches)*per), rate(r.Harm.Seconds()*per), float64(r.ProbeBytes)/r.Simulated.Hours())
	}
	fmt.Fprintln(b)
}

func faulty(b *strings.Builder, c Class, rows []Row) {
	outage := "outage"
	if c.Whole {
		outage = "back after"
	}
	fmt.Fprintf(b, "### %s\n\n", c.Name)
	fmt.Fprintf(b, "%d worlds each: %s.\n\n", c.Worlds, traffics(c.Traffic))
	fmt.Fprintf(b, "| | noticed | detection median | p99 | %s median | p99 | missed | false verdicts / 24 h | false switches | probes, B/h |\n|---|---|---|---|---|---|---|---|---|---|\n", outage)
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %d of %d | %s | %s | %s | %s | %d | %s | %d | %.0f |\n", r.Contender, len(r.Detections), r.Faults,
			seconds(Quantile(r.Detections, 0.5)), seconds(Quantile(r.Detections, 0.99)),
			seconds(Quantile(r.Outages, 0.5)), seconds(Quantile(r.Outages, 0.99)), r.Missed,
			rate(float64(r.FalseVerdicts)*24/r.Healthy.Hours()), r.FalseSwitches, float64(r.ProbeBytes)/r.Simulated.Hours())
	}
	fmt.Fprintln(b)
}

func traffics(list []Traffic) string {
	words := make([]string, 0, len(list))
	for _, t := range list {
		words = append(words, string(t))
	}
	return strings.Join(words, ", ")
}

func seconds(d time.Duration, ok bool) string {
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.1f", d.Seconds())
}

// rate is a figure that is often 0, which must be told from one that is small.
func rate(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 0.1:
		return "< 0.1"
	default:
		return fmt.Sprintf("%.1f", x)
	}
}

const leftOut = `## What the model leaves out

The worlds are simpler than the world. Datagrams are lost by themselves or in gaps, never by a policer or by size
alone; a path does not reorder beyond its jitter; there is one bottleneck, the access link, shared by all. Streams
are sent ten packets a second at most, which stand for all of theirs; TCP is a window, a retransmission timer and
halving, no more. The members have the same inner address, so that a person's connections outlive every move: where
they do not, programs have to begin anew, which nobody's figures contain. Moves take a fixed time (30 ms prepared,
300 ms anew) and never fail locally; nothing here spends time on the processor, in a queue of the system, or on a
disk. A look around the tunnel costs Holdfast a fixed time and finds what is so. Responders inside a tunnel are known
as soon as it has a session, where the world has any. Servers are wireguard-go's kind: other servers may count
handshakes, route by key, or punish. The clock of a machine stands still while it sleeps. Other programs were
modelled from their sources as they were read in 2026, and only as far as they watch and repair a tunnel: what they
ask of their own servers beside it (accounts, relays, coordination) is not here, Tailscale's paths are stood for by
members, and leaving a path costs it less than a move costs others.
`
