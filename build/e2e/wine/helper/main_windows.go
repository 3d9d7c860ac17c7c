// Command helper is what the tests need inside Windows:
//
//	helper proxy        connections of Linux's browser, as those of a process of Windows (SOCKS 5)
//	helper pipe NAME    a pipe whose owner nobody chose
//
// It writes a line when it is ready, and ends with its standard input.
package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "proxy":
		at, err := listenProxy()
		if err != nil {
			return err
		}
		fmt.Println(at)
	case len(args) == 2 && args[0] == "pipe":
		if err := makePipe(args[1]); err != nil {
			return err
		}
		fmt.Println("ready")
	default:
		return fmt.Errorf("no such task: %q", args)
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// makePipe makes a pipe that everybody may open and nobody answers at.
func makePipe(name string) error {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	_, err = windows.CreateNamedPipe(path, windows.PIPE_ACCESS_DUPLEX, windows.PIPE_TYPE_BYTE, 1, 0, 0, 0, nil)
	return err
}
