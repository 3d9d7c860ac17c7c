package guard

import "context"

// Watch is not yet here.
func (g *Guard) Watch(ctx context.Context) error { <-ctx.Done(); return nil }

// Changes tells of what other programs did to the rules.
func (g *Guard) Changes() <-chan Change { return g.changes }
