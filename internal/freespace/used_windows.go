package freespace

import "os"

// Used is the space that a file takes on its disk, at most.
func Used(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
