package guard

import (
	"context"
	"fmt"
	"os"
)

// Release removes the rules that any process of ours left. It needs no Guard.
// Nothing there: nil.
func Release(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("guard: the firewall may only be changed as root: %w", os.ErrPermission)
	}
	if err := openPF(); err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	return nil
}

// Present says whether rules of ours are in force, whoever made them.
func Present() (bool, error) {
	r, err := readPF()
	if err != nil {
		return false, fmt.Errorf("guard: %w", err)
	}
	none := pfRules{}
	return none.differs(r.rules, "") != "" && r.enabled, nil
}
