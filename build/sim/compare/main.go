// Command compare runs every contender in every class of worlds and writes the
// report that is committed beside them.
//
//	go run ./build/sim/compare
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"holdfast/build/sim"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run() error {
	seed := flag.Uint64("seed", 1, "the number that all worlds are made from")
	worlds := flag.Int("worlds", 50, "worlds of each class with a fault")
	hours := flag.Int("hours", 24, "hours of each class without one")
	path := flag.String("o", "build/sim/REPORT.md", "where the report is written")
	flag.Parse()

	classes := append(sim.Healthy(time.Duration(*hours)*time.Hour), sim.Faults(*worlds)...)
	rows := make([][]sim.Row, 0, len(classes))
	var events uint64
	var simulated time.Duration
	began := time.Now()
	for _, c := range classes {
		fmt.Fprintln(os.Stderr, c.Name)
		list := c.Play(*seed, sim.Contenders(), runtime.NumCPU())
		for _, r := range list {
			events += r.Events
			simulated += r.Simulated
		}
		rows = append(rows, list)
	}
	took := time.Since(began)
	fmt.Fprintf(os.Stderr, "%d events of %.1f years in %s: %.1f years a minute\n", events, simulated.Hours()/24/365,
		took.Round(time.Second), simulated.Hours()/24/365/took.Minutes())

	command := strings.Join(append([]string{"go run ./build/sim/compare"}, os.Args[1:]...), " ")
	var report bytes.Buffer
	if err := sim.Report(&report, *seed, command, classes, rows); err != nil {
		return err
	}
	if err := os.WriteFile(*path, report.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
