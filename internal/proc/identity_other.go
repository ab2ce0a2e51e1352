//go:build !linux && !darwin && !windows

package proc

import "errors"

func identity(int) (string, error) {
	return "", errors.New("this system does not tell when a process was started")
}
