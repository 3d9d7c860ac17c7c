package guard

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"holdfast/service/guardset"
)

// TestLayout compares the structures with fwpmtypes.h for 64 bits, as a C
// compiler lays it out.
func TestLayout(t *testing.T) {
	var (
		blob      fwpByteBlob
		value     fwpValue
		v4        fwpV4AddrAndMask
		v6        fwpV6AddrAndMask
		data      fwpmDisplayData
		session   fwpmSession
		provider  fwpmProvider
		sublayer  fwpmSublayer
		action    fwpmAction
		condition fwpmFilterCondition
		filter    fwpmFilter
		template  fwpmFilterEnumTemplate
		subscribe fwpmFilterSubscription
	)
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"FWP_BYTE_BLOB.data", unsafe.Offsetof(blob.data), 8},
		{"FWP_VALUE0.uint64", unsafe.Offsetof(value.value), 8},
		{"FWP_V4_ADDR_AND_MASK.mask", unsafe.Offsetof(v4.mask), 4},
		{"FWP_V6_ADDR_AND_MASK.prefixLength", unsafe.Offsetof(v6.prefixLength), 16},
		{"FWPM_DISPLAY_DATA0.description", unsafe.Offsetof(data.description), 8},
		{"FWPM_SESSION0.displayData", unsafe.Offsetof(session.displayData), 16},
		{"FWPM_SESSION0.flags", unsafe.Offsetof(session.flags), 32},
		{"FWPM_SESSION0.txnWaitTimeoutInMSec", unsafe.Offsetof(session.txnWait), 36},
		{"FWPM_SESSION0.processId", unsafe.Offsetof(session.processID), 40},
		{"FWPM_SESSION0.sid", unsafe.Offsetof(session.sid), 48},
		{"FWPM_SESSION0.username", unsafe.Offsetof(session.username), 56},
		{"FWPM_SESSION0.kernelMode", unsafe.Offsetof(session.kernelMode), 64},
		{"FWPM_PROVIDER0.displayData", unsafe.Offsetof(provider.displayData), 16},
		{"FWPM_PROVIDER0.flags", unsafe.Offsetof(provider.flags), 32},
		{"FWPM_PROVIDER0.providerData", unsafe.Offsetof(provider.providerData), 40},
		{"FWPM_PROVIDER0.serviceName", unsafe.Offsetof(provider.serviceName), 56},
		{"FWPM_SUBLAYER0.displayData", unsafe.Offsetof(sublayer.displayData), 16},
		{"FWPM_SUBLAYER0.flags", unsafe.Offsetof(sublayer.flags), 32},
		{"FWPM_SUBLAYER0.providerKey", unsafe.Offsetof(sublayer.providerKey), 40},
		{"FWPM_SUBLAYER0.providerData", unsafe.Offsetof(sublayer.providerData), 48},
		{"FWPM_SUBLAYER0.weight", unsafe.Offsetof(sublayer.weight), 64},
		{"FWPM_ACTION0.filterType", unsafe.Offsetof(action.key), 4},
		{"FWPM_FILTER_CONDITION0.matchType", unsafe.Offsetof(condition.matchType), 16},
		{"FWPM_FILTER_CONDITION0.conditionValue", unsafe.Offsetof(condition.value), 24},
		{"FWPM_FILTER0.displayData", unsafe.Offsetof(filter.displayData), 16},
		{"FWPM_FILTER0.flags", unsafe.Offsetof(filter.flags), 32},
		{"FWPM_FILTER0.providerKey", unsafe.Offsetof(filter.providerKey), 40},
		{"FWPM_FILTER0.providerData", unsafe.Offsetof(filter.providerData), 48},
		{"FWPM_FILTER0.layerKey", unsafe.Offsetof(filter.layerKey), 64},
		{"FWPM_FILTER0.subLayerKey", unsafe.Offsetof(filter.subLayerKey), 80},
		{"FWPM_FILTER0.weight", unsafe.Offsetof(filter.weight), 96},
		{"FWPM_FILTER0.numFilterConditions", unsafe.Offsetof(filter.numConditions), 112},
		{"FWPM_FILTER0.filterCondition", unsafe.Offsetof(filter.conditions), 120},
		{"FWPM_FILTER0.action", unsafe.Offsetof(filter.action), 128},
		{"FWPM_FILTER0.rawContext", unsafe.Offsetof(filter.context), 152},
		{"FWPM_FILTER0.reserved", unsafe.Offsetof(filter.reserved), 168},
		{"FWPM_FILTER0.filterId", unsafe.Offsetof(filter.filterID), 176},
		{"FWPM_FILTER0.effectiveWeight", unsafe.Offsetof(filter.effectiveWeight), 184},
		{"FWPM_FILTER_ENUM_TEMPLATE0.layerKey", unsafe.Offsetof(template.layerKey), 8},
		{"FWPM_FILTER_ENUM_TEMPLATE0.enumType", unsafe.Offsetof(template.enumType), 24},
		{"FWPM_FILTER_ENUM_TEMPLATE0.flags", unsafe.Offsetof(template.flags), 28},
		{"FWPM_FILTER_ENUM_TEMPLATE0.providerContextTemplate", unsafe.Offsetof(template.providerContextTemplate), 32},
		{"FWPM_FILTER_ENUM_TEMPLATE0.numFilterConditions", unsafe.Offsetof(template.numConditions), 40},
		{"FWPM_FILTER_ENUM_TEMPLATE0.filterCondition", unsafe.Offsetof(template.conditions), 48},
		{"FWPM_FILTER_ENUM_TEMPLATE0.actionMask", unsafe.Offsetof(template.actionMask), 56},
		{"FWPM_FILTER_ENUM_TEMPLATE0.calloutKey", unsafe.Offsetof(template.calloutKey), 64},
		{"FWPM_FILTER_SUBSCRIPTION0.flags", unsafe.Offsetof(subscribe.flags), 8},
		{"FWPM_FILTER_SUBSCRIPTION0.sessionKey", unsafe.Offsetof(subscribe.sessionKey), 12},
	} {
		if c.got != c.want {
			t.Errorf("%s is at %d, want %d", c.name, c.got, c.want)
		}
	}
}

// TestNative reads back, as BFE would show it, what BFE would be given.
func TestNative(t *testing.T) {
	m := meant{set: withLAN(split()), permits: []permit{{protocolUDP, netip.MustParseAddrPort("203.0.113.9:51820")}}, paused: time.Minute}
	m.set.Carry = append(prefixes("0.0.0.0/0"), m.set.Carry[2:]...)
	want := wfpFilters(m, modelSelf)
	var have []wfpFound
	for i := range want {
		var pin runtime.Pinner
		f, err := want[i].native(&pin)
		if err != nil {
			t.Fatal(err)
		}
		if !f.ours() {
			t.Errorf("%v is not ours", &want[i])
		}
		for j, c := range unsafe.Slice(f.conditions, f.numConditions) {
			checkNative(t, want[i].conditions[j], c)
		}
		have = append(have, f.found(want[i].layer))
		pin.Unpin()
	}
	if gone, come := wfpChanges(have, want); len(gone) > 0 || len(come) > 0 {
		t.Errorf("read back otherwise: %v go and %v come", gone, come)
	}
	if lost := wfpLost(have, want); lost != nil {
		t.Errorf("lost %v", lost)
	}
}

// pointed is a value longer than 32 bits.
func pointed[T any](v *fwpValue) T { return **(**T)(unsafe.Pointer(&v.value)) }

func checkNative(t *testing.T, c wfpCondition, n fwpmFilterCondition) {
	t.Helper()
	got := "?"
	switch n.value.kind {
	case fwpUint8, fwpUint16, fwpUint32:
		got = wfpNumber(c.field, uint64(n.value.value)).String()
	case fwpUint64:
		got = wfpNumber(c.field, pointed[uint64](&n.value)).String()
	case fwpV4AddrMask:
		if addr, mask := wfpMask(c.prefix); pointed[fwpV4AddrAndMask](&n.value) == (fwpV4AddrAndMask{addr, mask}) {
			got = c.String()
		}
	case fwpV6AddrMask:
		v := pointed[fwpV6AddrAndMask](&n.value)
		got = wfpPrefixes(c.field, []netip.Prefix{netip.PrefixFrom(netip.AddrFrom16(v.addr), int(v.prefixLength))})[0].String()
	case fwpByteBlobType, fwpSecurityDescriptor:
		v := pointed[fwpByteBlob](&n.value)
		got = wfpCondition{field: c.field, blob: string(unsafe.Slice(v.data, v.size))}.String()
	}
	if got != c.String() || n.fieldKey != wfpFieldKeys[c.field] || n.fieldKey == (windows.GUID{}) {
		t.Errorf("%v became %s", c, got)
	}
}

// TestGUIDs has keys survive their way to BFE and back, and ours differ.
func TestGUIDs(t *testing.T) {
	f := wfpFilters(meant{set: full()}, modelSelf)[0]
	if k := f.key(); keyOf(guidOf(k)) != k {
		t.Errorf("%x became %x", k, keyOf(guidOf(k)))
	}
	if want := "{00010203-0405-0607-0809-0A0B0C0D0E0F}"; guidOf([16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}).String() != want {
		t.Errorf("written otherwise than %s", want)
	}
}

// TestSelf finds this program and this user.
func TestSelf(t *testing.T) {
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("needs FwpmGetAppIdFromFileName0, which Wine 8 does not have: calling it ends the process")
	}
	self, err := newSelf()
	if err != nil {
		t.Fatal(err)
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	units := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.StringData(self.program))), len(self.program)/2)
	name := windows.UTF16ToString(units)
	if !strings.EqualFold(name[strings.LastIndexByte(name, '\\')+1:], filepath.Base(path)) {
		t.Errorf("this program is %q, want one that ends in %s", name, filepath.Base(path))
	}
	if len(self.user) == 0 || self.luid != 0 {
		t.Errorf("got %+v", self)
	}
	if luid, index := interfaceByName("no such interface"); luid != 0 || index != 0 {
		t.Errorf("an interface that is not there is %d and %d", luid, index)
	}
}

// TestEngine puts every set in force in the real engine, and reads it back. It
// shuts this computer in for a moment.
func TestEngine(t *testing.T) {
	e, err := openEngine(false)
	if err != nil {
		t.Skip("needs the Windows Filtering Platform: ", err)
	}
	defer e.Close()
	if os.Getenv("HOLDFAST_TEST_SHUTS_THIS_COMPUTER_IN") == "" {
		t.Skip("needs leave to shut this computer in: HOLDFAST_TEST_SHUTS_THIS_COMPUTER_IN")
	}
	ctx := context.Background()
	g := New(Options{Interface: "holdfast-test", Mark: 1})
	defer func() {
		if err := errors.Join(g.Close(), Release(ctx)); err != nil {
			t.Error(err)
		}
	}()
	defer g.Permit("udp", netip.MustParseAddrPort("203.0.113.9:51820"))()
	for _, s := range []guardset.Set{full(), split(), withLAN(full()), paused(full(), 60), blocked(), open(), full()} {
		if err := g.Set(ctx, s); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if present, err := Present(); err != nil || present != s.Shut() {
			t.Errorf("%+v: present %v, %v", s, present, err)
		}
	}
	have, err := e.read()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range have {
		if err := e.remove([][16]byte{f.key}); err != nil {
			t.Fatal(err)
		}
	}
	if o, told, err := g.check(); err != nil || !told || len(o.lost) == 0 {
		t.Errorf("what another program took away: %v, %v, %v", o.lost, told, err)
	}
	if again, err := e.read(); err != nil || len(again) != len(have) {
		t.Errorf("%d filters of %d are back, %v", len(again), len(have), err)
	}
}
