package accel

import (
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// accessOf looks at a device node.
func accessOf(path string) access {
	info, err := os.Stat(path)
	if err != nil {
		return access{}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return access{}
	}
	gid, mode := strconv.FormatUint(uint64(stat.Gid), 10), info.Mode().Perm()
	a := access{group: gid, joining: stat.Gid != 0 && mode&0o060 == 0o060}
	if g, err := user.LookupGroupId(gid); err == nil {
		a.group = g.Name
	}
	groups, err := os.Getgroups()
	member := os.Getegid() == int(stat.Gid) || err == nil && slices.Contains(groups, int(stat.Gid))
	a.allowed = os.Geteuid() == 0 || member && mode&0o060 == 0o060 || mode&0o006 == 0o006
	return a
}
