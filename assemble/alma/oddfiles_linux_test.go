package alma

import (
	"os"
	"syscall"
)

// oddFiles make what is no regular file.
func oddFiles(treasure string) map[string]func(path string) error {
	return map[string]func(string) error{
		"folder":        func(p string) error { return os.Mkdir(p, 0o700) },
		"link":          func(p string) error { return os.Symlink(treasure, p) },
		"dangling link": func(p string) error { return os.Symlink(treasure+".none", p) },
		"FIFO":          func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"device":        func(p string) error { return syscall.Mknod(p, syscall.S_IFCHR|0o600, 1<<8|3) }, // as /dev/null
	}
}
