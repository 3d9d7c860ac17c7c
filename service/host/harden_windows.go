package host

import (
	"debug/pe"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

var setProcessMitigationPolicy = windows.NewLazySystemDLL("kernel32.dll").NewProc("SetProcessMitigationPolicy")

// What a process may forbid itself for good (PROCESS_MITIGATION_POLICY), and how.
const (
	policyExtensionPoints = 6  // libraries that others have the system load into every program
	policyImages          = 10 // where libraries may come from
	policyChildren        = 13 // other programs

	noExtensionPoints = 1
	// Not that the folder of Windows comes first: wintun.dll must be the one beside
	// the program.
	noRemoteImages = 1
	noLowImages    = 2 // written by programs that are not trusted
	noChildren     = 1
)

// harden gives away what the service does not need. What cannot be given away is
// told in the log: the service works all the same.
func harden(o Options) {
	if err := keepOnly(o.Privileges); err != nil {
		o.Log.Warn("privileges could not be given away", "err", err)
	}
	policies := map[uintptr]uint32{policyExtensionPoints: noExtensionPoints, policyImages: noRemoteImages | noLowImages}
	// Where the processor is another than this program was made for, wintun has a
	// program of Windows install the driver.
	if isNative() {
		policies[policyChildren] = noChildren
	}
	for policy, flags := range policies {
		if err := setProcessMitigationPolicy.Find(); err != nil {
			o.Log.Debug("this system has no policies for processes", "err", err)
			return
		}
		if ok, _, err := setProcessMitigationPolicy.Call(policy, uintptr(unsafe.Pointer(&flags)), unsafe.Sizeof(flags)); ok == 0 {
			o.Log.Debug("a policy could not be set", "policy", policy, "err", err)
		}
	}
}

// isNative says that the processor is the one that this program was made for.
func isNative() bool {
	made := map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64}
	var process, machine uint16
	err := windows.IsWow64Process2(windows.CurrentProcess(), &process, &machine)
	return err == nil && machine == made[runtime.GOARCH]
}

// keepOnly removes every privilege from the process but those named: no code of it
// can ever have them again.
func keepOnly(names []string) error {
	var token windows.Token
	err := windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_QUERY|windows.TOKEN_ADJUST_PRIVILEGES, &token)
	if err != nil {
		return fmt.Errorf("open our own token: %w", err)
	}
	defer func() { _ = token.Close() }()
	var keep []windows.LUID
	for _, name := range names {
		text, err := windows.UTF16PtrFromString(name)
		if err != nil {
			return err
		}
		var id windows.LUID
		if err := windows.LookupPrivilegeValue(nil, text, &id); err != nil {
			return fmt.Errorf("look up %s: %w", name, err)
		}
		keep = append(keep, id)
	}
	have, err := privileges(token)
	if err != nil {
		return err
	}
	for _, p := range have {
		if slices.Contains(keep, p.Luid) {
			continue
		}
		one := windows.Tokenprivileges{PrivilegeCount: 1}
		one.Privileges[0] = windows.LUIDAndAttributes{Luid: p.Luid, Attributes: windows.SE_PRIVILEGE_REMOVED}
		if err := windows.AdjustTokenPrivileges(token, false, &one, 0, nil, nil); err != nil {
			return fmt.Errorf("remove a privilege: %w", err)
		}
	}
	left, err := privileges(token)
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(p windows.LUIDAndAttributes) bool { return slices.Contains(keep, p.Luid) })
	if len(left) > 0 {
		return fmt.Errorf("%d privileges are still there", len(left))
	}
	return nil
}

// privileges are those that a token has, enabled or not.
func privileges(token windows.Token) ([]windows.LUIDAndAttributes, error) {
	buf := make([]uint64, 256) // aligned for the structure inside
	size := uint32(len(buf) * 8)
	if err := windows.GetTokenInformation(token, windows.TokenPrivileges, (*byte)(unsafe.Pointer(&buf[0])), size, &size); err != nil {
		return nil, fmt.Errorf("read our own privileges: %w", err)
	}
	return slices.Clone((*windows.Tokenprivileges)(unsafe.Pointer(&buf[0])).AllPrivileges()), nil
}
