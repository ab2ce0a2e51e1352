//go:build !windows

package assemble

import (
	"errors"
	"os"
)

// syncFolder makes renames in dir survive a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
