// Package acl says who may change a file or a folder of Windows, by its access
// control list, and keeps a folder of secrets from everybody but administrators.
//
// What a list means is decided here, for every system, so that it is tested on
// every system; reading and setting one is for Windows alone.
package acl

import (
	"fmt"
	"slices"
)

// The accounts that every Windows has; whoever is one of them may do everything.
const (
	System         = "S-1-5-18"
	Administrators = "S-1-5-32-544"
	// Installer owns what Windows itself is made of (TrustedInstaller).
	Installer = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
)

// These name nobody, or somebody who is known by other means: the creator to be, the
// creator's group to be, and the owner.
var nobody = []string{"S-1-3-0", "S-1-3-1", "S-1-3-4"}

// Everyone is who may change what has no list at all.
const Everyone = "S-1-1-0"

// The rights that matter, as winnt.h numbers them. A folder reads the first two as
// making a file and making a folder in it.
const (
	writeData   = 0x2
	appendData  = 0x4
	deleteChild = 0x40
	deleteSelf  = 0x10000
	writeDAC    = 0x40000
	writeOwner  = 0x80000
	anything    = 0x02000000 | genericAll // MAXIMUM_ALLOWED, GENERIC_ALL
	genericAll  = 0x10000000
	genericEdit = 0x40000000 // GENERIC_WRITE
)

// What one may do with a thing that is as good as replacing what it holds.
const (
	// Change: with a file, or with a folder from which programs and their libraries
	// are loaded.
	Change = writeData | appendData | deleteChild | deleteSelf | writeDAC | writeOwner | anything | genericEdit
	// Swap: with a folder further up, in which others may make things of their own.
	Swap = deleteChild | deleteSelf | writeDAC | writeOwner | anything
	// Use: anything at all.
	Use = ^uint32(0)
)

// Entry is one line of an access control list.
type Entry struct {
	SID   string // whom it is about
	Mask  uint32 // the rights
	Allow bool   // it grants them; else it denies them
	// Inherited says that it is not for the thing itself, only for what will be
	// made in it.
	Inherited bool
}

// List is what is known of a thing's rights.
type List struct {
	Owner string
	// Open says that there is no list, which lets everyone do everything.
	Open    bool
	Entries []Entry
}

// Holders are those who have one of the rights, sorted. The owner is always one
// of them, who may give themself any. What is denied is not taken off: a denial may
// stand behind a grant.
func (l List) Holders(rights uint32) []string {
	found := []string{l.Owner}
	if l.Open {
		found = append(found, Everyone)
	}
	for _, e := range l.Entries {
		if e.Allow && !e.Inherited && e.Mask&rights != 0 && !slices.Contains(nobody, e.SID) {
			found = append(found, e.SID)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Others are those of the holders of rights who are not among the trusted. SYSTEM,
// administrators and Windows itself always are.
func (l List) Others(rights uint32, trusted ...string) []string {
	return slices.DeleteFunc(l.Holders(rights), func(sid string) bool {
		return sid == System || sid == Administrators || sid == Installer || slices.Contains(trusted, sid)
	})
}

// Private is the rights of a folder or a file that only SYSTEM, administrators and
// the account self may use, as Windows writes them (SDDL). What is made in such a
// folder takes them over.
func Private(self string, folder bool) string {
	flags := ""
	if folder {
		flags = "OICI"
	}
	rights := fmt.Sprintf("O:%sG:SYD:PAI(A;%s;FA;;;SY)(A;%s;FA;;;BA)", self, flags, flags)
	if self != System && self != Administrators {
		rights += fmt.Sprintf("(A;%s;FA;;;%s)", flags, self)
	}
	return rights
}
