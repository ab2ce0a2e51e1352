package qemu

// Questions to a running machine, by QMP. Answers are read leniently: fields
// come and go between versions.

import "context"

// RunState is query-status' answer.
type RunState struct {
	Running bool   `json:"running"`
	Status  string `json:"status"` // "prelaunch", "running", "paused", "shutdown", "io-error", "guest-panicked", "watchdog", …
}

// Status asks whether the guest runs.
func (vm *VM) Status(ctx context.Context) (RunState, error) {
	var s RunState
	err := vm.Monitor.Do(ctx, "query-status", nil, &s)
	return s, err
}

// DriveStats are a drive's counters since QEMU's start, as the guest caused them.
type DriveStats struct {
	ReadBytes     int64 `json:"rd_bytes"`
	WriteBytes    int64 `json:"wr_bytes"`
	ReadOps       int64 `json:"rd_operations"`
	WriteOps      int64 `json:"wr_operations"`
	FlushOps      int64 `json:"flush_operations"`
	UnmapOps      int64 `json:"unmap_operations"`
	HighestOffset int64 `json:"wr_highest_offset"` // end of the highest byte written; 0 where QEMU does not know
}

// BlockStats asks for the counters of all drives, by Drive.ID. It is cheap: ask every few seconds.
func (vm *VM) BlockStats(ctx context.Context) (map[string]DriveStats, error) {
	var list []struct {
		Device string     `json:"device"`
		Stats  DriveStats `json:"stats"` // not "parent": its counters stay 0
	}
	if err := vm.Monitor.Do(ctx, "query-blockstats", nil, &list); err != nil {
		return nil, err
	}
	stats := make(map[string]DriveStats)
	for _, d := range list {
		if d.Device != "" {
			stats[d.Device] = d.Stats
		}
	}
	return stats, nil
}

// PowerButton presses the machine's power button: the guest may power off.
func (vm *VM) PowerButton(ctx context.Context) error {
	return vm.Monitor.Do(ctx, "system_powerdown", nil, nil)
}
