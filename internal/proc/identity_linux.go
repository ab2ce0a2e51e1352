package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/imgasm/imgasm/internal/memo"
)

// identity is the boot, and the tick of its clock at which the process was
// started: field 22 of /proc/PID/stat (proc(5)). The second field is the program's
// name in parentheses, which may have any byte. A process that is waited for (Z)
// has ended.
func identity(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return "", ErrGone
	} else if err != nil {
		return "", err
	}
	_, after, ok := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	fields := bytes.Fields(after)
	if !ok || len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat cannot be read: %q", pid, stat)
	}
	if state := fields[0][0]; state == 'Z' || state == 'X' {
		return "", ErrGone
	}
	return fmt.Sprintf("%s, tick %s", memo.Boot(), fields[19]), nil
}
