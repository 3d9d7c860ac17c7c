package windows

// What the programs and the installer know of each other.
const (
	// AppID is the AppUserModelID under which the desktop knows the tray.
	AppID = "Holdfast.Tray"
	// RunKey, below HKEY_LOCAL_MACHINE for everyone and below HKEY_CURRENT_USER for
	// one person, lists what starts at login; RunValue is ours in it.
	RunKey   = `Software\Microsoft\Windows\CurrentVersion\Run`
	RunValue = "Holdfast"
	// Tray is the file of the tray.
	Tray = "holdfast-tray.exe"
	// AtLogin tells the tray that it was started at login, so that it can leave
	// again where the person does not want that.
	AtLogin = "--at-login"
	// Forget has the tray remove what it keeps of the person, and leave.
	Forget = "--forget"
)
