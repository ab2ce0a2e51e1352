//go:build !linux

package qcow2

import (
	"errors"
	"os"
)

// cloneRange is for Linux: the clones of macOS are of whole files.
func cloneRange(_, _ *os.File, _, _, _ int64) error { return errors.ErrUnsupported }
