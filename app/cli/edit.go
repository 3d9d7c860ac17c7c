package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast/service/tunnel"
)

func newTunnelEdit(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "edit NAME", Short: "Edit a tunnel in your editor", Args: takes(1, 1),
		Long: `Edit a tunnel in your editor ($VISUAL, else $EDITOR). The text holds the private key:
only an administrator may. It is checked before it is saved; where it is not valid you
are asked whether to go on editing.`,
		ValidArgsFunction: complete(1, p.tunnelNames),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			return p.tunnelEdit(c.Context(), names[0])
		},
	}
}

func (p *program) tunnelEdit(ctx context.Context, name tunnel.Name) error {
	editor, err := p.editor()
	if err != nil {
		return err
	}
	service := p.client()
	before, err := service.ExportTunnel(ctx, name)
	if err != nil {
		return err
	}
	config, err := p.edited(editor, name, before.Text)
	if err != nil {
		return err
	}
	if config == nil {
		return p.done(map[string]any{"name": name, "changed": false}, "%s is unchanged", name)
	}
	t, err := service.ReplaceTunnel(ctx, name, config.Render())
	if err != nil {
		return err
	}
	if p.json {
		return p.object(t)
	}
	p.note("saved %s", name)
	return nil
}

// editor is the person's editor with its arguments, by absolute path.
func (p *program) editor() ([]string, error) {
	chosen := p.env("VISUAL")
	if chosen == "" {
		chosen = p.env("EDITOR")
	}
	candidates := []string{chosen}
	if chosen == "" {
		candidates = []string{"sensible-editor", "vi", "nano", "notepad"}
	}
	for _, candidate := range candidates {
		words := strings.Fields(candidate)
		if len(words) == 0 {
			continue
		}
		if path, err := exec.LookPath(words[0]); err == nil {
			return append([]string{path}, words[1:]...), nil
		}
	}
	return nil, failed(nil, "say which to use: EDITOR=nano holdfast tunnel edit NAME", "find an editor")
}

// edited has the person edit a text until it is valid. Nil: it was not changed.
// The text lives in a folder that only the person can enter, and is gone
// afterwards with whatever else the editor left there.
func (p *program) edited(editor []string, name tunnel.Name, text string) (*tunnel.Config, error) {
	// XDG_RUNTIME_DIR is memory where there is one; else the usual folder.
	dir, err := os.MkdirTemp(privateFolder(p.env("XDG_RUNTIME_DIR")), "holdfast-edit-") // 0700
	if err != nil {
		return nil, failed(err, "", "make a folder for the text")
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing more can be done
	// Where the terminal is closed the editor ends, and we after it: the text
	// must not be left behind.
	closed := make(chan os.Signal, 1)
	signal.Notify(closed, syscall.SIGHUP)
	defer signal.Stop(closed)
	path := filepath.Join(dir, string(name)+".conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, failed(err, "", "write the text")
	}
	answers := bufio.NewReader(p.in)
	for {
		if err := p.runEditor(editor, path); err != nil {
			return nil, err
		}
		d, err := readEdited(path)
		if err != nil {
			return nil, err
		}
		if string(d.text) == text {
			return nil, nil //nolint:nilnil // nil means unchanged, as said above
		}
		docs := []document{d}
		problems, faulty := check(docs)
		if faulty == 0 {
			p.tellWarnings(&docs[0])
			return docs[0].config, nil
		}
		refusal := p.tellFaults(docs, problems, faulty, "nothing was saved")
		if !p.goOn(answers) {
			return nil, refusal
		}
	}
}

func (p *program) runEditor(editor []string, path string) error {
	// Without a context: the person ends the editor, and an interrupt typed
	// there is the editor's own.
	cmd := exec.Command(editor[0], append(editor[1:len(editor):len(editor)], path)...) //nolint:noctx // see above
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.in, p.err, p.err
	if isTerminal(p.out) {
		cmd.Stdout = p.out
	}
	if err := cmd.Run(); err != nil {
		return failed(err, "nothing was saved", "run %s", editor[0])
	}
	return nil
}

func readEdited(path string) (document, error) {
	file, err := os.Open(path)
	if err != nil {
		return document{}, unreadable(filepath.Base(path), err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	text, err := readLimited(file, tunnel.MaxBytes)
	if err != nil {
		return document{}, unreadable(filepath.Base(path), err)
	}
	return document{source: filepath.Base(path), text: text}, nil
}

// goOn asks whether to edit again. Where nobody can answer it is no.
func (p *program) goOn(answers *bufio.Reader) bool {
	if !isTerminal(p.in) {
		return false
	}
	p.note("go on editing? [Y/n]")
	answer, err := answers.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) || answer == "" {
		return false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "" || strings.HasPrefix(answer, "y")
}
