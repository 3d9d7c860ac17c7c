package acl

import (
	"slices"
	"testing"
)

const (
	users = "S-1-5-32-545"
	alice = "S-1-5-21-1-2-3-1001"
)

func allow(sid string, mask uint32) Entry { return Entry{SID: sid, Mask: mask, Allow: true} }

func TestOthers(t *testing.T) {
	const all, read, modify = 0x1f01ff, 0x1200a9, 0x1301bf
	toBe := allow(users, modify)
	toBe.Inherited = true
	for _, tt := range []struct {
		name    string
		list    List
		rights  uint32
		trusted []string
		want    []string
	}{
		{"Program Files", List{Owner: Installer, Entries: []Entry{
			allow(Installer, all), allow(System, modify), allow(Administrators, modify), allow(users, read), allow("S-1-3-0", all), allow("S-1-15-2-1", read),
		}}, Change, nil, nil},
		{"the root of a disk", List{Owner: Installer, Entries: []Entry{
			allow(System, all), allow("S-1-5-11", appendData), toBe, allow(users, read), allow(Administrators, all),
		}}, Swap, nil, nil},
		{"the root of a disk, as the program's folder", List{Owner: Installer, Entries: []Entry{
			allow("S-1-5-11", appendData),
		}}, Change, nil, []string{"S-1-5-11"}},
		{"a person's own", List{Owner: alice, Entries: []Entry{allow(System, all), allow(alice, all)}}, Change, nil, []string{alice}},
		{"a person's own, who is trusted", List{Owner: alice, Entries: []Entry{allow(alice, all)}}, Change, []string{alice}, nil},
		{"an owner without an entry", List{Owner: alice}, Swap, nil, []string{alice}},
		{"no list", List{Owner: System, Open: true}, Swap, nil, []string{Everyone}},
		{"an empty list", List{Owner: System}, Use, nil, nil},
		{"a denial", List{Owner: System, Entries: []Entry{{SID: users, Mask: all}}}, Change, nil, nil},
		{"a denial before a grant", List{Owner: System, Entries: []Entry{{SID: users, Mask: all}, allow(users, all)}}, Change, nil, []string{users}},
		{"only reading", List{Owner: System, Entries: []Entry{allow(users, read)}}, Change, nil, nil},
		{"reading counts as use", List{Owner: System, Entries: []Entry{allow(users, read)}}, Use, nil, []string{users}},
		{"every general right", List{Owner: System, Entries: []Entry{allow(users, genericAll)}}, Swap, nil, []string{users}},
		{"the right to change rights", List{Owner: System, Entries: []Entry{allow(users, writeDAC), allow(users, writeOwner)}}, Swap, nil, []string{users}},
	} {
		if got := tt.list.Others(tt.rights, tt.trusted...); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPrivate(t *testing.T) {
	for _, tt := range []struct {
		self   string
		folder bool
		want   string
	}{
		{System, true, "O:S-1-5-18G:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"},
		{Administrators, true, "O:S-1-5-32-544G:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"},
		{alice, false, "O:" + alice + "G:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;" + alice + ")"},
	} {
		if got := Private(tt.self, tt.folder); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
