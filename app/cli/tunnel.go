package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// newTunnel lists, shows and changes tunnels.
func newTunnel(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:     "tunnel",
		Short:   "List, import, show, edit and remove tunnels",
		GroupID: groupSet,
	}
	c.AddCommand(newTunnelList(p), newTunnelShow(p), newTunnelImport(p), newTunnelExport(p),
		newTunnelEdit(p), newTunnelRename(p), newTunnelRemove(p), newTunnelCheck(p))
	return c
}

func newTunnelList(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the tunnels", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := p.client().Tunnels(c.Context())
			if err != nil {
				return err
			}
			if p.json {
				return p.object(list)
			}
			if len(list.Tunnels) == 0 {
				p.note("there is no tunnel yet; hint: holdfast tunnel import FILE.conf")
				return nil
			}
			return p.say("%s", tunnelTable(list.Tunnels))
		},
	}
}

func tunnelTable(tunnels []api.TunnelSummary) string {
	rows := [][]string{{"tunnel", "active", "groups", "endpoint", "carries"}}
	for _, t := range tunnels {
		active, carries := "-", "some networks"
		if t.Active {
			active = "active"
		}
		if t.Full {
			carries = "everything"
		}
		if t.Problem != "" {
			carries = "cannot be read: " + t.Problem
		}
		rows = append(rows, []string{string(t.Name), active, orDash(joined(t.Groups)), orDash(printable(t.Endpoint)), printable(carries)})
	}
	return table(rows)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func newTunnelShow(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a tunnel, without its secrets", Args: takes(1, 1),
		ValidArgsFunction: complete(1, p.tunnelNames),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			t, err := p.client().Tunnel(c.Context(), names[0])
			if err != nil {
				return err
			}
			if p.json {
				return p.object(t)
			}
			return p.say("%s", tunnelText(&t))
		},
	}
}

// tunnelText shows a tunnel as its .conf would, with hidden secrets, and what
// is worth knowing as comments.
func tunnelText(t *api.Tunnel) string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			b.WriteString(key + " = " + printable(value) + "\n")
		}
	}
	c := &t.Config
	b.WriteString("# " + string(t.Name))
	if t.Active {
		b.WriteString(", active")
	}
	if len(t.Groups) > 0 {
		b.WriteString(", in " + joined(t.Groups))
	}
	b.WriteString("\n[Interface]\nPrivateKey = (hidden)\n")
	line("# PublicKey", c.PublicKey)
	line("Address", strings.Join(c.Addresses, ", "))
	line("DNS", strings.Join(append(append([]string{}, c.DNS...), c.Search...), ", "))
	line("ListenPort", number(uint64(c.ListenPort)))
	line("MTU", number(uint64(max(c.MTU, 0))))
	for _, script := range c.Scripts {
		b.WriteString("# never run: " + printable(script) + "\n")
	}
	for _, peer := range c.Peers {
		b.WriteString("\n[Peer]\n")
		line("PublicKey", peer.PublicKey)
		if peer.PresharedKey {
			line("PresharedKey", "(hidden)")
		}
		line("AllowedIPs", strings.Join(peer.AllowedIPs, ", "))
		line("Endpoint", peer.Endpoint)
		line("PersistentKeepalive", number(uint64(peer.Keepalive)))
	}
	for i, w := range c.Warnings {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(wrap(printable(w.Message), "# "))
	}
	return b.String()
}

func newTunnelRename(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "rename OLD NEW", Short: "Give a tunnel another name, in its groups too", Args: takes(2, 2),
		ValidArgsFunction: complete(1, p.tunnelNames),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			t, err := p.client().RenameTunnel(c.Context(), names[0], names[1])
			if err != nil {
				return err
			}
			if p.json {
				return p.object(t)
			}
			p.note("renamed %s to %s", names[0], names[1])
			return nil
		},
	}
}

func newTunnelRemove(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME…", Short: "Remove tunnels", Args: takes(1, many),
		ValidArgsFunction: complete(0, p.tunnelNames),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			return p.tunnelRemove(c.Context(), names)
		},
	}
}

// tunnelRemove removes one after another, and stops at the first that cannot be.
func (p *program) tunnelRemove(ctx context.Context, names []tunnel.Name) error {
	service := p.client()
	removed := []tunnel.Name{}
	for _, name := range names {
		if err := service.RemoveTunnel(ctx, name); err != nil {
			if len(removed) > 0 {
				p.note("removed %s", joined(removed))
			}
			return err
		}
		removed = append(removed, name)
	}
	return p.done(map[string]any{"removed": removed}, "removed %s", joined(removed))
}
