package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Our provider and sublayer. They are the same for every version: by them the
// next one finds what this one left, and they must never change.
var (
	wfpProviderKey = windows.GUID{Data1: 0x7c1f3a52, Data2: 0x9d0e, Data3: 0x4b6a, Data4: [8]byte{0x8e, 0x57, 0x2d, 0xc3, 0x41, 0xf0, 0x96, 0x1b}}
	wfpSublayerKey = windows.GUID{Data1: 0x2e84d9b0, Data2: 0x5a37, Data3: 0x4c19, Data4: [8]byte{0xb2, 0x08, 0xf6, 0x1e, 0x7d, 0x93, 0xc5, 0x4a}}
)

// By fwpmu.h.
var (
	wfpLayerKeys = [wfpLayers]windows.GUID{
		wfpConnect4: {Data1: 0xc38d57d1, Data2: 0x05a7, Data3: 0x4c33, Data4: [8]byte{0x90, 0x4f, 0x7f, 0xbc, 0xee, 0xe6, 0x0e, 0x82}},
		wfpConnect6: {Data1: 0x4a72393b, Data2: 0x319f, Data3: 0x44bc, Data4: [8]byte{0x84, 0xc3, 0xba, 0x54, 0xdc, 0xb3, 0xb6, 0xb4}},
		wfpAccept4:  {Data1: 0xe1cd9fe7, Data2: 0xf4b5, Data3: 0x4273, Data4: [8]byte{0x96, 0xc0, 0x59, 0x2e, 0x48, 0x7b, 0x86, 0x50}},
		wfpAccept6:  {Data1: 0xa3b42c97, Data2: 0x9f04, Data3: 0x4672, Data4: [8]byte{0xb8, 0x7e, 0xce, 0xe9, 0xc4, 0x83, 0x25, 0x7f}},
		wfpForward4: {Data1: 0xa82acc24, Data2: 0x4ee1, Data3: 0x4ee1, Data4: [8]byte{0xb4, 0x65, 0xfd, 0x1d, 0x25, 0xcb, 0x10, 0xa4}},
		wfpForward6: {Data1: 0x7b964818, Data2: 0x19c7, Data3: 0x493a, Data4: [8]byte{0xb7, 0x1f, 0x83, 0x2c, 0x36, 0x84, 0xd2, 0x8c}},
	}
	wfpFieldKeys = map[wfpField]windows.GUID{
		wfpFlags:          {Data1: 0x632ce23b, Data2: 0x5167, Data3: 0x435c, Data4: [8]byte{0x86, 0xd7, 0xe9, 0x03, 0x68, 0x4a, 0xa8, 0x0c}},
		wfpLocalInterface: {Data1: 0x4cd62a49, Data2: 0x59c3, Data3: 0x4969, Data4: [8]byte{0xb7, 0xf3, 0xbd, 0xa5, 0xd3, 0x28, 0x90, 0xa4}},
		wfpLocalAddress:   {Data1: 0xd9ee00de, Data2: 0xc1ef, Data3: 0x4617, Data4: [8]byte{0xbf, 0xe3, 0xff, 0xd8, 0xf5, 0xa0, 0x89, 0x57}},
		wfpRemoteAddress:  {Data1: 0xb235ae9a, Data2: 0x1d64, Data3: 0x49b8, Data4: [8]byte{0xa4, 0x4c, 0x5f, 0xf3, 0xd9, 0x09, 0x50, 0x45}},
		wfpProtocol:       {Data1: 0x3971ef2b, Data2: 0x623e, Data3: 0x4f9a, Data4: [8]byte{0x8c, 0xb1, 0x6e, 0x79, 0xb8, 0x06, 0xb9, 0xa7}},
		wfpLocalPort:      {Data1: 0x0c1ba1af, Data2: 0x5765, Data3: 0x453f, Data4: [8]byte{0xaf, 0x22, 0xa8, 0xf7, 0x91, 0xac, 0x77, 0x5b}},
		wfpRemotePort:     {Data1: 0xc35a604d, Data2: 0xd22b, Data3: 0x4e1a, Data4: [8]byte{0x91, 0xb4, 0x68, 0xf6, 0x74, 0xee, 0x67, 0x4b}},
		wfpProgram:        {Data1: 0xd78e1e87, Data2: 0x8644, Data3: 0x4ea5, Data4: [8]byte{0x94, 0x37, 0xd8, 0x09, 0xec, 0xef, 0xc9, 0x71}},
		wfpUser:           {Data1: 0xaf043a0a, Data2: 0xb34d, Data3: 0x4f86, Data4: [8]byte{0x97, 0x9c, 0xc9, 0x03, 0x71, 0xaf, 0x6e, 0x66}},
		wfpSourceAddress:  {Data1: 0xae96897e, Data2: 0x2e94, Data3: 0x4bc9, Data4: [8]byte{0xb3, 0x13, 0xb2, 0x7e, 0xe8, 0x0e, 0x57, 0x4d}},
		wfpDestination:    {Data1: 0x2d79133b, Data2: 0xb390, Data3: 0x45c6, Data4: [8]byte{0x86, 0x99, 0xac, 0xac, 0xea, 0xaf, 0xed, 0x33}},
		wfpFromInterface:  {Data1: 0x2311334d, Data2: 0xc92d, Data3: 0x45bf, Data4: [8]byte{0x94, 0x96, 0xed, 0xf4, 0x47, 0x82, 0x0e, 0x2d}},
		wfpIntoInterface:  {Data1: 0x1076b8a5, Data2: 0x6323, Data3: 0x4c5e, Data4: [8]byte{0x98, 0x10, 0xe8, 0xd3, 0xfc, 0x9e, 0x61, 0x36}},
	}
)

// displayName is how netsh shows what is ours.
const displayName = "Holdfast guard"

// engine is a session with the Base Filtering Engine (BFE), the service that
// keeps the filters.
type engine struct{ handle windows.Handle }

// openEngine begins a session. What is added in one that is live goes with it.
func openEngine(live bool) (*engine, error) {
	name, err := windows.UTF16PtrFromString(displayName)
	if err != nil {
		return nil, err
	}
	s := &fwpmSession{displayData: fwpmDisplayData{name: name}, txnWait: 2000}
	if live {
		s.flags = fwpmSessionDynamic
	}
	e := new(engine)
	err = fwpmCall(procEngineOpen, 0, rpcAuthnWinNT, 0, uintptr(unsafe.Pointer(s)), uintptr(unsafe.Pointer(&e.handle)))
	if errors.Is(err, windows.RPC_S_CANNOT_SUPPORT) { // so says Wine, which has no filters
		err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the filters of Windows (is the service BFE running?): %w", err)
	}
	return e, nil
}

func (e *engine) Close() error { return fwpmCall(procEngineClose, uintptr(e.handle)) }

// within carries out all of do, or nothing.
func (e *engine) within(do func() error) error {
	if err := fwpmCall(procTransactionBegin, uintptr(e.handle), 0); err != nil {
		return fmt.Errorf("begin to change the filters: %w", err)
	}
	err := do()
	if err == nil {
		err = fwpmCall(procTransactionCommit, uintptr(e.handle))
	}
	if err != nil {
		return errors.Join(err, fwpmCall(procTransactionAbort, uintptr(e.handle)))
	}
	return nil
}

// addHome makes our provider and sublayer, where they are not there yet. The
// provider names no service: BFE would not put its filters in force where that
// is not set to start by itself.
func (e *engine) addHome() error {
	name, err := windows.UTF16PtrFromString(displayName)
	if err != nil {
		return err
	}
	data := fwpmDisplayData{name: name}
	p := &fwpmProvider{providerKey: wfpProviderKey, displayData: data, flags: fwpmProviderPersistent}
	err = fwpmCall(procProviderAdd, uintptr(e.handle), uintptr(unsafe.Pointer(p)), 0)
	if err != nil && !errors.Is(err, fwpAlreadyExists) {
		return fmt.Errorf("add the provider: %w", err)
	}
	s := &fwpmSublayer{
		subLayerKey: wfpSublayerKey, displayData: data, flags: fwpmSublayerPersistent,
		providerKey: &wfpProviderKey, weight: 0xffff,
	}
	err = fwpmCall(procSublayerAdd, uintptr(e.handle), uintptr(unsafe.Pointer(s)), 0)
	if err != nil && !errors.Is(err, fwpAlreadyExists) {
		return fmt.Errorf("add the sublayer: %w", err)
	}
	return nil
}

// deleteHome deletes them, where nothing is in them.
func (e *engine) deleteHome() error {
	s := fwpmCall(procSublayerDelete, uintptr(e.handle), uintptr(unsafe.Pointer(&wfpSublayerKey)))
	if errors.Is(s, fwpSublayerNotFound) || errors.Is(s, fwpInUse) {
		s = nil
	}
	p := fwpmCall(procProviderDelete, uintptr(e.handle), uintptr(unsafe.Pointer(&wfpProviderKey)))
	if errors.Is(p, fwpProviderNotFound) || errors.Is(p, fwpInUse) {
		p = nil
	}
	return errors.Join(s, p)
}

// change deletes filters and adds others, all of them or none.
func (e *engine) change(gone [][16]byte, come []wfpFilter) error {
	if len(gone) == 0 && len(come) == 0 {
		return nil
	}
	return e.within(func() error {
		if err := e.remove(gone); err != nil {
			return err
		}
		return e.add(come)
	})
}

func (e *engine) add(filters []wfpFilter) error {
	for i := range filters {
		var pin runtime.Pinner
		f, err := filters[i].native(&pin)
		if err == nil {
			err = fwpmCall(procFilterAdd, uintptr(e.handle), uintptr(unsafe.Pointer(f)), 0, 0)
		}
		pin.Unpin()
		if err != nil {
			return fmt.Errorf("add the filter %q: %w", filters[i].name, err)
		}
	}
	return nil
}

func (e *engine) remove(keys [][16]byte) error {
	for _, k := range keys {
		key := guidOf(k)
		err := fwpmCall(procFilterDelete, uintptr(e.handle), uintptr(unsafe.Pointer(&key)))
		if err != nil && !errors.Is(err, fwpFilterNotFound) {
			return fmt.Errorf("delete a filter: %w", err)
		}
	}
	return nil
}

// native is a filter as BFE takes it. All that it points to is pinned.
func (f *wfpFilter) native(pin *runtime.Pinner) (*fwpmFilter, error) {
	name, err := windows.UTF16PtrFromString(displayName + ": " + f.name)
	if err != nil {
		return nil, err
	}
	pin.Pin(name)
	weight := uint64(f.weight)
	pin.Pin(&weight)
	provider := wfpProviderKey
	pin.Pin(&provider)
	out := &fwpmFilter{
		filterKey: guidOf(f.key()), displayData: fwpmDisplayData{name: name}, providerKey: &provider,
		layerKey: wfpLayerKeys[f.layer], subLayerKey: wfpSublayerKey,
		weight: fwpValue{fwpUint64, uintptr(unsafe.Pointer(&weight))}, action: fwpmAction{kind: fwpActionBlock},
	}
	if f.permit {
		out.action.kind = fwpActionPermit
	}
	switch f.life {
	case wfpLasting:
		out.flags = fwpmFilterPersistent
	case wfpBoot:
		out.flags = fwpmFilterBootTime
	case wfpLive, wfpPause: // neither: they are of a session that ends
	}
	if len(f.conditions) > 0 {
		conditions := make([]fwpmFilterCondition, len(f.conditions))
		for i, c := range f.conditions {
			conditions[i] = c.native(pin)
		}
		out.numConditions, out.conditions = uint32(len(conditions)), &conditions[0]
		pin.Pin(out.conditions)
	}
	pin.Pin(out)
	return out, nil
}

func (c *wfpCondition) native(pin *runtime.Pinner) fwpmFilterCondition {
	out := fwpmFilterCondition{fieldKey: wfpFieldKeys[c.field], matchType: fwpMatchEqual}
	switch c.field {
	case wfpFlags:
		out.matchType, out.value = fwpMatchFlagsAllSet, fwpValue{fwpUint32, uintptr(c.number)}
	case wfpFromInterface:
		out.value = fwpValue{fwpUint32, uintptr(c.number)}
	case wfpProtocol:
		out.value = fwpValue{fwpUint8, uintptr(c.number)}
	case wfpLocalPort, wfpRemotePort:
		out.value = fwpValue{fwpUint16, uintptr(c.number)}
	case wfpLocalInterface, wfpIntoInterface:
		n := c.number
		pin.Pin(&n)
		out.value = fwpValue{fwpUint64, uintptr(unsafe.Pointer(&n))}
	case wfpProgram:
		out.value = fwpValue{fwpByteBlobType, blob(pin, c.blob)}
	case wfpUser:
		out.value = fwpValue{fwpSecurityDescriptor, blob(pin, c.blob)}
	case wfpLocalAddress, wfpRemoteAddress, wfpSourceAddress, wfpDestination:
		if c.prefix.Addr().Is4() {
			m := new(fwpV4AddrAndMask)
			m.addr, m.mask = wfpMask(c.prefix)
			pin.Pin(m)
			out.value = fwpValue{fwpV4AddrMask, uintptr(unsafe.Pointer(m))}
			break
		}
		m := &fwpV6AddrAndMask{addr: c.prefix.Masked().Addr().As16(), prefixLength: uint8(c.prefix.Bits())}
		pin.Pin(m)
		out.value = fwpValue{fwpV6AddrMask, uintptr(unsafe.Pointer(m))}
	}
	return out
}

func blob(pin *runtime.Pinner, data string) uintptr {
	b := []byte(data)
	pin.Pin(&b[0])
	out := &fwpByteBlob{size: uint32(len(b)), data: &b[0]}
	pin.Pin(out)
	return uintptr(unsafe.Pointer(out))
}

// guidOf is a key as a GUID is written.
func guidOf(k [16]byte) windows.GUID {
	return windows.GUID{
		Data1: binary.BigEndian.Uint32(k[0:]), Data2: binary.BigEndian.Uint16(k[4:]), Data3: binary.BigEndian.Uint16(k[6:]), Data4: [8]byte(k[8:]),
	}
}

func keyOf(g windows.GUID) (k [16]byte) {
	binary.BigEndian.PutUint32(k[0:], g.Data1)
	binary.BigEndian.PutUint16(k[4:], g.Data2)
	binary.BigEndian.PutUint16(k[6:], g.Data3)
	copy(k[8:], g.Data4[:])
	return k
}

// read lists what is in our sublayer or by our provider, at all of our layers.
func (e *engine) read() ([]wfpFound, error) {
	var out []wfpFound
	for layer := range wfpLayers {
		found, err := e.readLayer(layer)
		if err != nil {
			return nil, fmt.Errorf("read the filters of %v: %w", layer, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

func (e *engine) readLayer(layer wfpLayer) ([]wfpFound, error) {
	// Those of all providers: nobody else's belongs into our sublayer.
	t := &fwpmFilterEnumTemplate{layerKey: wfpLayerKeys[layer], flags: fwpEnumIncludeBootTime | fwpEnumIncludeDisabled, actionMask: fwpActionMaskEverything}
	var cursor windows.Handle
	if err := fwpmCall(procEnumCreate, uintptr(e.handle), uintptr(unsafe.Pointer(t)), uintptr(unsafe.Pointer(&cursor))); err != nil {
		return nil, err
	}
	defer func() { _ = fwpmCall(procEnumDestroy, uintptr(e.handle), uintptr(cursor)) }()
	var out []wfpFound
	for {
		var entries **fwpmFilter
		var n uint32
		const page = 256
		err := fwpmCall(procEnum, uintptr(e.handle), uintptr(cursor), page, uintptr(unsafe.Pointer(&entries)), uintptr(unsafe.Pointer(&n)))
		if err != nil {
			return nil, err
		}
		for _, f := range unsafe.Slice(entries, n) {
			if f.ours() {
				out = append(out, f.found(layer))
			}
		}
		if entries != nil {
			fwpmFree(unsafe.Pointer(&entries))
		}
		if n < page {
			return out, nil
		}
	}
}

// ours says that a filter is of our sublayer or our provider.
func (f *fwpmFilter) ours() bool {
	return f.subLayerKey == wfpSublayerKey || f.providerKey != nil && *f.providerKey == wfpProviderKey
}

func (f *fwpmFilter) found(layer wfpLayer) wfpFound {
	out := wfpFound{
		key: keyOf(f.filterKey), name: windows.UTF16PtrToString(f.displayData.name), life: wfpLive, layer: layer,
		permit: f.action.kind == fwpActionPermit, conditions: int(f.numConditions),
		misplaced: f.subLayerKey != wfpSublayerKey, disabled: f.flags&fwpmFilterDisabled != 0,
	}
	switch {
	case f.flags&fwpmFilterBootTime != 0:
		out.life = wfpBoot
	case f.flags&fwpmFilterPersistent != 0:
		out.life = wfpLasting
	}
	if f.weight.kind == fwpUint64 {
		out.weight = wfpWeight(**(**uint64)(unsafe.Pointer(&f.weight.value)))
	}
	return out
}

// fwpmFree gives back what BFE has handed out, by a pointer to the pointer.
func fwpmFree(p unsafe.Pointer) {
	if procFreeMemory.Find() == nil {
		_, _, _ = procFreeMemory.Call(uintptr(p))
	}
}

// newSelf finds what filters are bound to, but for the tunnel's interface.
func newSelf() (wfpSelf, error) {
	var self wfpSelf
	path, err := os.Executable()
	if err != nil {
		return self, err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return self, err
	}
	var id *fwpByteBlob
	if err := fwpmCall(procAppID, uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&id))); err != nil {
		return self, fmt.Errorf("find out how the filters call %s: %w", path, err)
	}
	self.program = string(unsafe.Slice(id.data, id.size))
	fwpmFree(unsafe.Pointer(&id))
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return self, fmt.Errorf("find out who we are: %w", err)
	}
	// The right to match a filter (FWP_ACTRL_MATCH_FILTER, 1) is spelled CC.
	sd, err := windows.SecurityDescriptorFromString("O:SYG:SYD:(A;;CC;;;" + user.User.Sid.String() + ")")
	if err != nil {
		return self, fmt.Errorf("describe who we are: %w", err)
	}
	self.user = string(unsafe.Slice((*byte)(unsafe.Pointer(sd)), sd.Length()))
	return self, nil
}
