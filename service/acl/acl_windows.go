package acl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The kinds of entries that are told apart (ACE_HEADER.AceType). A callback entry
// grants where a condition holds besides; it is taken as if it always did.
const (
	aceAllowed         = 0
	aceDenied          = 1
	aceAllowedCallback = 9
	aceDeniedCallback  = 10
)

// Read returns who may do what with a file or a folder. A link is not followed.
func Read(path string) (List, error) {
	h, _, err := open(path, windows.READ_CONTROL)
	if err != nil {
		return List{}, err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	return read(h, path)
}

func read(h windows.Handle, path string) (List, error) {
	sd, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return List{}, fmt.Errorf("read the rights of %s: %w", path, err)
	}
	l, err := listOf(sd)
	if err != nil {
		return List{}, fmt.Errorf("read the rights of %s: %w", path, err)
	}
	return l, nil
}

func listOf(sd *windows.SECURITY_DESCRIPTOR) (List, error) {
	owner, _, err := sd.Owner()
	if err != nil {
		return List{}, err
	}
	l := List{Owner: owner.String()}
	dacl, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && dacl == nil {
		l.Open = true
		return l, nil
	}
	if err != nil {
		return List{}, err
	}
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, i, &ace); err != nil {
			return List{}, err
		}
		switch ace.Header.AceType {
		case aceAllowed, aceDenied, aceAllowedCallback, aceDeniedCallback:
		default:
			return List{}, fmt.Errorf("an entry is of the unknown kind %d", ace.Header.AceType)
		}
		l.Entries = append(l.Entries, Entry{
			SID:       (*windows.SID)(unsafe.Pointer(&ace.SidStart)).String(),
			Mask:      uint32(ace.Mask),
			Allow:     ace.Header.AceType == aceAllowed || ace.Header.AceType == aceAllowedCallback,
			Inherited: ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0,
		})
	}
	return l, nil
}

// open opens a file or a folder itself, and says what it is. A link or a mount
// point is refused.
func open(path string, access uint32) (windows.Handle, windows.ByHandleFileInformation, error) {
	var info windows.ByHandleFileInformation
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, info, err
	}
	h, err := windows.CreateFile(name, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return 0, info, &os.PathError{Op: "open", Path: path, Err: err}
	}
	err = windows.GetFileInformationByHandle(h, &info)
	if err == nil && info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		err = errors.New("it leads elsewhere: it is a link or a mount point")
	}
	if err != nil {
		_ = windows.CloseHandle(h)
		return 0, info, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return h, info, nil
}

// Self is the account by which this process may use a file: that of a person who
// has been elevated is Administrators, since what may be used by the person may be
// used by all their programs.
func Self() (string, error) {
	token := windows.GetCurrentProcessToken()
	user, err := token.GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("read our own identity: %w", err)
	}
	if token.IsElevated() && !user.User.Sid.IsWellKnown(windows.WinLocalSystemSid) {
		return Administrators, nil
	}
	return user.User.Sid.String(), nil
}

// system are those who may replace Windows itself: nothing can be kept from them.
func system() ([]string, error) {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		return nil, fmt.Errorf("find the folder of Windows: %w", err)
	}
	l, err := Read(filepath.Join(dir, "kernel32.dll"))
	if err != nil {
		return nil, err
	}
	return l.Holders(Change), nil
}

// Strangers are the accounts that have one of the rights to a file or a folder,
// beside SYSTEM, administrators, those who may replace Windows itself, and this
// process.
func Strangers(path string, rights uint32) ([]string, error) {
	trusted, err := system()
	if err != nil {
		return nil, err
	}
	self, err := Self()
	if err != nil {
		return nil, err
	}
	l, err := Read(path)
	if err != nil {
		return nil, err
	}
	return names(l.Others(rights, append(trusted, self)...)), nil
}

// OnlyAdministratorsWrite refuses a program that somebody else could replace, or
// beside which somebody else could put a library for it to load: the system would
// run what they put there.
func OnlyAdministratorsWrite(path string) error {
	trusted, err := system()
	if err != nil {
		return err
	}
	rights := uint32(Change)
	for at, depth := path, 0; ; at, depth = filepath.Dir(at), depth+1 {
		// The program, and the folder it is in.
		if depth > 1 {
			rights = Swap
		}
		l, err := Read(at)
		if err != nil {
			return err
		}
		if others := l.Others(rights, trusted...); len(others) > 0 {
			return fmt.Errorf("others than administrators may write %s: %s", at, strings.Join(names(others), ", "))
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// names are the accounts as people know them, where the system can say.
func names(sids []string) []string {
	named := slices.Clone(sids)
	for i, text := range sids {
		sid, err := windows.StringToSid(text)
		if err != nil {
			continue
		}
		if account, domain, _, err := sid.LookupAccount(""); err == nil {
			named[i] = strings.TrimPrefix(domain+`\`+account, `\`)
		}
	}
	return named
}
