package notify

import (
	"fmt"
	"sync"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	shell32 = windows.NewLazySystemDLL("shell32.dll")
	user32  = windows.NewLazySystemDLL("user32.dll")

	procNotifyIcon      = shell32.NewProc("Shell_NotifyIconW")
	procSetAppID        = shell32.NewProc("SetCurrentProcessExplicitAppUserModelID")
	procRegisterClass   = user32.NewProc("RegisterClassExW")
	procCreateWindow    = user32.NewProc("CreateWindowExW")
	procDestroyWindow   = user32.NewProc("DestroyWindow")
	procDefWindowProc   = user32.NewProc("DefWindowProcW")
	procGetMessage      = user32.NewProc("GetMessageW")
	procDispatchMessage = user32.NewProc("DispatchMessageW")
	procPostMessage     = user32.NewProc("PostMessageW")
	procPostQuitMessage = user32.NewProc("PostQuitMessage")
	procCreateIcon      = user32.NewProc("CreateIcon")
	procDestroyIcon     = user32.NewProc("DestroyIcon")
)

// The names and numbers of the Windows SDK, shellapi.h and winuser.h.
const (
	iconAdd    = 0 // NIM_ADD
	iconModify = 1
	iconDelete = 2

	flagMessage = 0x01 // NIF_MESSAGE
	flagIcon    = 0x02
	flagTip     = 0x04
	flagInfo    = 0x10

	infoUser    = 0x04 // NIIF_USER: the balloon shows our picture
	infoNoSound = 0x10
	infoLarge   = 0x20
	infoQuiet   = 0x80 // NIIF_RESPECT_QUIET_TIME

	messageWork = 0x8001 // WM_APP + 1
	messageIcon = 0x8002

	buttonUp       = 0x0202 // WM_LBUTTONUP
	balloonOver    = 0x0404 // NIN_BALLOONTIMEOUT
	balloonPressed = 0x0405 // NIN_BALLOONUSERCLICK

	onlyMessages = ^uintptr(2) // HWND_MESSAGE, -3
)

// iconData is NOTIFYICONDATAW.
type iconData struct {
	Size             uint32
	Window           windows.Handle
	ID, Flags        uint32
	CallbackMessage  uint32
	Icon             windows.Handle
	Tip              [128]uint16
	State, StateMask uint32
	Info             [256]uint16
	Version          uint32
	InfoTitle        [64]uint16
	InfoFlags        uint32
	GUID             windows.GUID
	BalloonIcon      windows.Handle
}

// message is MSG.
type message struct {
	Window         windows.Handle
	Message        uint32
	WParam, LParam uintptr
	Time           uint32
	X, Y           int32
	Private        uint32
}

// windowClass is WNDCLASSEXW.
type windowClass struct {
	Size, Style                        uint32
	WindowProc                         uintptr
	ClassExtra, WindowExtra            int32
	Instance, Icon, Cursor, Background windows.Handle
	MenuName, ClassName                *uint16
	SmallIcon                          windows.Handle
}

// windowClassName is that of the windows, registered with the first of them.
const windowClassName = "HoldfastNotifications"

var registerClass = sync.OnceValue(func() error {
	name, err := windows.UTF16PtrFromString(windowClassName)
	if err != nil {
		return err
	}
	c := windowClass{WindowProc: windows.NewCallback(windowProc), ClassName: name}
	c.Size = uint32(unsafe.Sizeof(c))
	if r, _, err := procRegisterClass.Call(uintptr(unsafe.Pointer(&c))); r == 0 {
		return fmt.Errorf("register a window class: %w", err)
	}
	return nil
})

// makeWindow makes a window that is never shown.
func makeWindow() (windows.Handle, error) {
	if err := registerClass(); err != nil {
		return 0, err
	}
	name, err := windows.UTF16PtrFromString(windowClassName)
	if err != nil {
		return 0, err
	}
	h, _, err := procCreateWindow.Call(0, uintptr(unsafe.Pointer(name)), 0, 0, 0, 0, 0, 0, onlyMessages, 0, 0, 0)
	if h == 0 {
		return 0, err
	}
	return windows.Handle(h), nil
}

// put writes a text into a field of fixed length, cut off where it is longer,
// and never within a character.
func put(field []uint16, text string) {
	at := 0
	for _, r := range text {
		if r == 0 {
			continue
		}
		units := utf16.AppendRune(nil, r)
		if at+len(units) >= len(field) { // one is left for the end
			break
		}
		at += copy(field[at:], units)
	}
	field[at] = 0
}

// balloonSize is that of a large picture in a balloon, in pixels.
const balloonSize = 32

// pictureOf makes the icon of a note. 0: it has none.
func pictureOf(o ScreenOptions, n Note) windows.Handle {
	if o.Picture == nil {
		return 0
	}
	m := o.Picture(n, balloonSize)
	colours := make([]byte, len(m.Pix))
	for i := 0; i+3 < len(m.Pix); i += 4 {
		colours[i], colours[i+1], colours[i+2], colours[i+3] = m.Pix[i+2], m.Pix[i+1], m.Pix[i], m.Pix[i+3]
	}
	mask := make([]byte, balloonSize*balloonSize/8)
	h, _, _ := procCreateIcon.Call(0, balloonSize, balloonSize, 1, 32, uintptr(unsafe.Pointer(&mask[0])), uintptr(unsafe.Pointer(&colours[0])))
	return windows.Handle(h)
}

func freeIcon(h windows.Handle) {
	if h != 0 {
		_, _, _ = procDestroyIcon.Call(uintptr(h))
	}
}
