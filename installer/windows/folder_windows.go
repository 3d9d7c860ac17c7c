package windows

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// DataFolder is the folder of tunnels, settings and history. The system says where
// programs are: what an environment says may be anybody's word.
func DataFolder() string {
	programs, err := windows.KnownFolderPath(windows.FOLDERID_ProgramFiles, windows.KF_FLAG_DEFAULT)
	if err != nil {
		programs = os.Getenv("ProgramFiles")
	}
	return filepath.Join(programs, Folder, Data)
}
