package tunnel

import (
	"fmt"
	"strconv"
	"strings"
)

// Render writes the config as a .conf with its keys, in the one form that Holdfast
// stores. Of a config that Validate accepts, Parse makes the same config again.
func (c *Config) Render() string { return c.render(secret.Reveal) }

// Redacted is Render for showing: "(hidden)" stands for each secret, so that
// Parse refuses it.
func (c *Config) Redacted() string { return c.render(secret.String) }

// Editable is Render for editing: Kept stands for each secret, and Edit.Parse puts
// it back.
func (c *Config) Editable() string { return c.render(func(secret) string { return Kept }) }

func (c *Config) render(reveal func(secret) string) string {
	var w writer
	i := &c.Interface
	w.heading("Interface")
	w.secret("PrivateKey", i.PrivateKey.secret, reveal)
	w.number("ListenPort", uint64(i.ListenPort))
	if i.FwMark != 0 {
		w.line("FwMark", fmt.Sprintf("%#x", i.FwMark))
	}
	w.list("Address", texts(i.Addresses))
	w.list("DNS", append(texts(i.DNS), i.Search...))
	if i.MTU != 0 {
		w.line("MTU", strconv.Itoa(i.MTU))
	}
	w.text("Table", i.Table)
	if i.SaveConfig {
		w.line("SaveConfig", "true")
	}
	for _, s := range i.Scripts() {
		w.b.WriteString(s + "\n")
	}
	for _, p := range c.Peers {
		w.b.WriteString("\n")
		w.heading("Peer")
		if !p.PublicKey.IsZero() {
			w.line("PublicKey", p.PublicKey.String())
		}
		w.secret("PresharedKey", p.PresharedKey.secret, reveal)
		w.list("AllowedIPs", texts(p.AllowedIPs))
		w.text("Endpoint", p.Endpoint.String())
		w.number("PersistentKeepalive", uint64(p.Keepalive))
	}
	return w.b.String()
}

func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}

// writer writes the lines of a .conf. Zero values are left out.
type writer struct{ b strings.Builder }

func (w *writer) heading(name string)    { w.b.WriteString("[" + name + "]\n") }
func (w *writer) line(key, value string) { w.b.WriteString(key + " = " + value + "\n") }

func (w *writer) text(key, value string) {
	if value != "" {
		w.line(key, value)
	}
}

func (w *writer) number(key string, n uint64) {
	if n != 0 {
		w.line(key, strconv.FormatUint(n, 10))
	}
}

func (w *writer) secret(key string, k secret, reveal func(secret) string) {
	if !k.IsZero() {
		w.line(key, reveal(k))
	}
}

// list writes comma separated values, on as few lines as the limit allows.
func (w *writer) list(key string, values []string) {
	var line string
	for _, v := range values {
		switch {
		case line == "":
			line = v
		case len(key)+len(" = ")+len(line)+len(", ")+len(v) > maxLine:
			w.line(key, line)
			line = v
		default:
			line += ", " + v
		}
	}
	w.text(key, line)
}
