package guard

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The structures and calls of fwpuclnt.dll that the guard needs, as fwptypes.h,
// fwpmtypes.h and fwpmu.h of the Windows SDK have them for 64 bits. They are
// written by hand because github.com/tailscale/wf, the one library for them,
// has neither transactions nor subscriptions, does not enumerate boot-time
// filters, and keeps its handle to itself. The sizes below are held at compile
// time, each offset by a test.

type fwpByteBlob struct {
	size uint32
	data *byte
}

// fwpValue is FWP_VALUE0 and FWP_CONDITION_VALUE0: a number, or where the type is
// longer than 32 bits a pointer.
type fwpValue struct {
	kind  uint32
	value uintptr
}

type fwpV4AddrAndMask struct{ addr, mask uint32 }

type fwpV6AddrAndMask struct {
	addr         [16]byte
	prefixLength uint8
}

type fwpmDisplayData struct{ name, description *uint16 }

type fwpmSession struct {
	sessionKey  windows.GUID
	displayData fwpmDisplayData
	flags       uint32
	txnWait     uint32 // milliseconds
	processID   uint32
	sid         *windows.SID
	username    *uint16
	kernelMode  int32
}

type fwpmProvider struct {
	providerKey  windows.GUID
	displayData  fwpmDisplayData
	flags        uint32
	providerData fwpByteBlob
	serviceName  *uint16
}

type fwpmSublayer struct {
	subLayerKey  windows.GUID
	displayData  fwpmDisplayData
	flags        uint16
	providerKey  *windows.GUID
	providerData fwpByteBlob
	weight       uint16
}

type fwpmAction struct {
	kind uint32
	key  windows.GUID
}

type fwpmFilterCondition struct {
	fieldKey  windows.GUID
	matchType uint32
	value     fwpValue
}

type fwpmFilter struct {
	filterKey       windows.GUID
	displayData     fwpmDisplayData
	flags           uint32
	providerKey     *windows.GUID
	providerData    fwpByteBlob
	layerKey        windows.GUID
	subLayerKey     windows.GUID
	weight          fwpValue
	numConditions   uint32
	conditions      *fwpmFilterCondition
	action          fwpmAction
	_               uint32    // what follows is a union that begins at 8 bytes
	context         [2]uint64 // rawContext, or providerContextKey
	reserved        *windows.GUID
	filterID        uint64
	effectiveWeight fwpValue
}

type fwpmFilterEnumTemplate struct {
	providerKey             *windows.GUID
	layerKey                windows.GUID
	enumType                uint32
	flags                   uint32
	providerContextTemplate uintptr
	numConditions           uint32
	conditions              *fwpmFilterCondition
	actionMask              uint32
	calloutKey              *windows.GUID
}

type fwpmFilterSubscription struct {
	enumTemplate *fwpmFilterEnumTemplate
	flags        uint32
	sessionKey   windows.GUID
}

// The sizes by fwpmtypes.h, for 64 bits: for others this does not compile.
var (
	_ [16]byte  = [unsafe.Sizeof(fwpByteBlob{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(fwpValue{})]byte{}
	_ [8]byte   = [unsafe.Sizeof(fwpV4AddrAndMask{})]byte{}
	_ [17]byte  = [unsafe.Sizeof(fwpV6AddrAndMask{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(fwpmDisplayData{})]byte{}
	_ [72]byte  = [unsafe.Sizeof(fwpmSession{})]byte{}
	_ [64]byte  = [unsafe.Sizeof(fwpmProvider{})]byte{}
	_ [72]byte  = [unsafe.Sizeof(fwpmSublayer{})]byte{}
	_ [20]byte  = [unsafe.Sizeof(fwpmAction{})]byte{}
	_ [40]byte  = [unsafe.Sizeof(fwpmFilterCondition{})]byte{}
	_ [200]byte = [unsafe.Sizeof(fwpmFilter{})]byte{}
	_ [72]byte  = [unsafe.Sizeof(fwpmFilterEnumTemplate{})]byte{}
	_ [32]byte  = [unsafe.Sizeof(fwpmFilterSubscription{})]byte{}
)

// FWP_DATA_TYPE, FWP_MATCH_TYPE, FWP_ACTION_TYPE.
const (
	fwpUint8              = 1
	fwpUint16             = 2
	fwpUint32             = 3
	fwpUint64             = 4
	fwpByteBlobType       = 12
	fwpSecurityDescriptor = 14
	fwpV4AddrMask         = 0x100
	fwpV6AddrMask         = 0x101

	fwpMatchEqual       = 0
	fwpMatchFlagsAllSet = 6

	fwpActionBlock  = 0x1001
	fwpActionPermit = 0x1002
)

// Flags.
const (
	fwpmSessionDynamic      = 1
	fwpmProviderPersistent  = 1
	fwpmSublayerPersistent  = 1
	fwpmFilterPersistent    = 1
	fwpmFilterBootTime      = 2
	fwpmFilterDisabled      = 0x20
	fwpEnumIncludeBootTime  = 8
	fwpEnumIncludeDisabled  = 0x10
	fwpmNotifyOnAdd         = 1
	fwpmNotifyOnDelete      = 2
	rpcAuthnWinNT           = 10
	fwpActionMaskEverything = 0xffffffff
)

// Errors, of fwpmu's own kind.
const (
	fwpFilterNotFound   = windows.Errno(0x80320003)
	fwpProviderNotFound = windows.Errno(0x80320005)
	fwpSublayerNotFound = windows.Errno(0x80320007)
	fwpAlreadyExists    = windows.Errno(0x80320009)
	fwpInUse            = windows.Errno(0x8032000a)
)

// System32's, whatever else is in the path.
var (
	fwpuclnt = windows.NewLazySystemDLL("fwpuclnt.dll")

	procEngineOpen        = fwpuclnt.NewProc("FwpmEngineOpen0")
	procEngineClose       = fwpuclnt.NewProc("FwpmEngineClose0")
	procTransactionBegin  = fwpuclnt.NewProc("FwpmTransactionBegin0")
	procTransactionCommit = fwpuclnt.NewProc("FwpmTransactionCommit0")
	procTransactionAbort  = fwpuclnt.NewProc("FwpmTransactionAbort0")
	procProviderAdd       = fwpuclnt.NewProc("FwpmProviderAdd0")
	procProviderDelete    = fwpuclnt.NewProc("FwpmProviderDeleteByKey0")
	procSublayerAdd       = fwpuclnt.NewProc("FwpmSubLayerAdd0")
	procSublayerDelete    = fwpuclnt.NewProc("FwpmSubLayerDeleteByKey0")
	procFilterAdd         = fwpuclnt.NewProc("FwpmFilterAdd0")
	procFilterDelete      = fwpuclnt.NewProc("FwpmFilterDeleteByKey0")
	procEnumCreate        = fwpuclnt.NewProc("FwpmFilterCreateEnumHandle0")
	procEnum              = fwpuclnt.NewProc("FwpmFilterEnum0")
	procEnumDestroy       = fwpuclnt.NewProc("FwpmFilterDestroyEnumHandle0")
	procSubscribe         = fwpuclnt.NewProc("FwpmFilterSubscribeChanges0")
	procUnsubscribe       = fwpuclnt.NewProc("FwpmFilterUnsubscribeChanges0")
	procAppID             = fwpuclnt.NewProc("FwpmGetAppIdFromFileName0")
	procFreeMemory        = fwpuclnt.NewProc("FwpmFreeMemory0")
)

// fwpmCall calls one that returns 0 or an error. What arguments point to is on
// the heap, where nothing moves, until it returns.
//
//go:uintptrescapes
func fwpmCall(p *windows.LazyProc, arguments ...uintptr) error {
	if err := p.Find(); err != nil {
		return err
	}
	if r, _, _ := syscall.SyscallN(p.Addr(), arguments...); r != 0 {
		return windows.Errno(r)
	}
	return nil
}
