package netcfg

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// claimName is the mutex by which services of this computer find each other, in
// whatever session they run.
const claimName = `Global\Holdfast-Network`

// Claim takes the network of this computer for this process, since one Manager
// would clean up what the other needs. It holds until release is called or the
// process ends. ErrClaimed: another process of the system or of an administrator has
// it; what somebody else pretends does not count.
func (m *Manager) Claim() (release func(), err error) {
	return claim(claimName, func(err error) {
		m.Log.Warn("somebody else holds the name by which services find each other", "name", claimName, "err", err)
	})
}

// claim makes a mutex of this name, which administrators own and nobody else can
// open. pretended is told where somebody else has made it.
func claim(name string, pretended func(error)) (release func(), err error) {
	sd, err := windows.SecurityDescriptorFromString("O:BAD:P(A;;GA;;;SY)(A;;GA;;;BA)")
	if err != nil {
		return nil, fmt.Errorf("claim the network: %w", err)
	}
	name16, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, fmt.Errorf("claim the network: %w", err)
	}
	attributes := windows.SecurityAttributes{SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(attributes))
	h, err := windows.CreateMutex(&attributes, false, name16)
	switch {
	case err == nil:
		return func() { _ = windows.CloseHandle(h) }, nil
	case errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		defer func() { _ = windows.CloseHandle(h) }()
		trusted, err := isTrusted(h)
		if err == nil && trusted {
			return nil, ErrClaimed
		}
		pretended(err)
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		pretended(err) // an administrator's could be opened
	default:
		return nil, fmt.Errorf("claim the network: %w", err)
	}
	return func() {}, nil
}

// isTrusted says that an object is owned by the system or by administrators.
func isTrusted(h windows.Handle) (bool, error) {
	sd, err := windows.GetSecurityInfo(h, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return false, err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return false, err
	}
	return owner.IsWellKnown(windows.WinLocalSystemSid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid), nil
}
