package qemu

// raw → qcow2 by QEMU's own block layer, told over QMP: no qemu-img is needed,
// progress is known and the work can be stopped.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/digitalocean/go-qemu/qmp"

	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/qemu/monitor"
)

// Compression is how a qcow2's clusters are stored.
type Compression string

// The compressions. Zstd needs QEMU 5.1 or newer to read.
const (
	Uncompressed Compression = "none"
	Zlib         Compression = "zlib"
	Zstd         Compression = "zstd"
)

// ConvertOptions say how Convert writes. The zero value works.
type ConvertOptions struct {
	Binary      string      // QEMU's executable, of any architecture; "": the first one in PATH
	Compression Compression // "": zlib, which every reader of qcow2 knows
	ClusterSize int64       // bytes, a power of two from 512 to 2 MiB; 0: 64 KiB
	// Reproducible writes clusters in their order, one at a time: the same
	// source gives the same bytes, with the same QEMU, in up to twice the time.
	Reproducible bool
	// Progress is told the bytes done and in all, twice a second and at the
	// end; nil: nobody is.
	Progress func(done, total int64)
}

// Convert writes a raw image as a qcow2 that has nothing but the source's
// data: holes and zeros take no room. The result appears under its name when
// it is whole and on disk, and replaces what was there; after an error nothing
// is left of it. A full disk is syscall.ENOSPC.
func Convert(ctx context.Context, src, dst string, o ConvertOptions) (err error) {
	if o.Binary == "" {
		if o.Binary, err = anyQEMU(); err != nil {
			return err
		}
	}
	in, err := filepath.Abs(src)
	if err != nil {
		return fmt.Errorf("convert %s: %w", src, err)
	}
	st, err := os.Stat(in)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	// QEMU counts in sectors: the rest of the last one would be lost.
	if st.Size() == 0 || st.Size()%512 != 0 || !st.Mode().IsRegular() {
		return fmt.Errorf("convert %s: not a disk image: %d bytes, which is no multiple of 512", src, st.Size())
	}
	err = publish.FileContext(ctx, dst, func(f *os.File) error {
		partial, err := filepath.Abs(f.Name())
		if err != nil {
			return err
		}
		return convert(ctx, in, partial, st.Size(), o)
	})
	if err != nil {
		return fmt.Errorf("convert %s to %s: %w", src, dst, err)
	}
	return nil
}

// convert has a QEMU write into an empty file.
func convert(ctx context.Context, src, dst string, size int64, o ConvertOptions) error {
	vm, err := startBare(ctx, o.Binary, Options{})
	if err != nil {
		return err
	}
	defer vm.Close()
	jobs := &jobs{m: vm.Monitor, events: vm.Events("JOB_STATUS_CHANGE"), size: size, progress: o.Progress}
	defer jobs.events.Close()
	c := o.commands(src, dst, size)
	for _, step := range c {
		if err := vm.Monitor.Do(ctx, step.command, step.args, nil); err != nil {
			return err
		}
		if step.job != "" {
			if err := jobs.wait(ctx, step.job); err != nil {
				return err
			}
		}
	}
	if err := vm.Quit(ctx); err != nil {
		return err
	}
	if o.Progress != nil {
		o.Progress(size, size)
	}
	return nil
}

// qmpStep is one command; job names the job that it starts, if it starts one.
type qmpStep struct {
	command string
	args    map[string]any
	job     string
}

// commands are what QEMU is told.
func (o ConvertOptions) commands(src, dst string, size int64) []qmpStep {
	create := map[string]any{"driver": "qcow2", "file": "dst-file", "size": size}
	if o.ClusterSize > 0 {
		create["cluster-size"] = o.ClusterSize
	}
	compress := o.Compression != Uncompressed
	if o.Compression == Zstd {
		create["compression-type"] = "zstd"
	}
	// QEMU compresses clusters in parallel by itself (4 threads) when it has
	// enough of them in flight: its default of 64 was the fastest measured, so
	// the experimental option "x-perf" is left alone without need.
	backup := map[string]any{
		"job-id": "copy", "device": "src", "target": "dst", "sync": "full", "compress": compress,
		"auto-finalize": true, "auto-dismiss": false,
	}
	if o.Reproducible {
		backup["x-perf"] = map[string]any{"max-workers": 1}
	}
	return []qmpStep{
		{command: "blockdev-add", args: map[string]any{
			"driver": "raw", "node-name": "src", "read-only": true,
			"file": map[string]any{"driver": "file", "filename": src, "read-only": true},
		}},
		// Nobody reads the target before it is whole: flushing at the end is enough.
		{command: "blockdev-add", args: map[string]any{
			"driver": "file", "node-name": "dst-file", "filename": dst, "cache": map[string]any{"no-flush": true},
		}},
		{command: "blockdev-create", args: map[string]any{"job-id": "create", "options": create}, job: "create"},
		{command: "blockdev-add", args: map[string]any{
			"driver": "qcow2", "node-name": "dst", "file": "dst-file",
			"cache":         map[string]any{"no-flush": true},
			"detect-zeroes": "unmap", "discard": "unmap",
		}},
		{command: "blockdev-backup", args: backup, job: "copy"},
		{command: "blockdev-del", args: map[string]any{"node-name": "dst"}},
	}
}

// jobs follows QEMU's background jobs.
type jobs struct {
	m        *monitor.Client
	events   *monitor.Subscription
	size     int64 // of the source
	progress func(done, total int64)
}

// job is one element of query-jobs' answer.
type job struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Current int64  `json:"current-progress"`
	Total   int64  `json:"total-progress"`
	Error   string `json:"error"`
}

// progressEvery is how often a job is asked how far it is.
const progressEvery = 500 * time.Millisecond

// wait waits for a job's end and dismisses it.
func (j *jobs) wait(ctx context.Context, id string) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e, ok := <-j.events.C():
			if !ok {
				return monitor.ErrClosed
			}
			if !concluded(e, id) {
				continue
			}
		case <-tick.C:
		}
		state, err := j.state(ctx, id)
		if err != nil {
			return err
		}
		if j.progress != nil && id == "copy" {
			// QEMU counts whole clusters, and grows the total as it goes.
			j.progress(min(state.Current, j.size), j.size)
		}
		if state.Status != "concluded" {
			continue
		}
		if state.Error != "" {
			return jobError(state.Error)
		}
		return j.m.Do(ctx, "job-dismiss", map[string]any{"id": id}, nil)
	}
}

// jobError gives QEMU's words; a full disk is syscall.ENOSPC for who asks.
func jobError(text string) error {
	if strings.Contains(text, "No space left on device") {
		return fmt.Errorf("the host's disk is full: %w", syscall.ENOSPC)
	}
	return errors.New(text)
}

func concluded(e qmp.Event, id string) bool {
	return monitor.Text(e, "id") == id && monitor.Text(e, "status") == "concluded"
}

func (j *jobs) state(ctx context.Context, id string) (job, error) {
	var all []job
	if err := j.m.Do(ctx, "query-jobs", nil, &all); err != nil {
		return job{}, err
	}
	for _, s := range all {
		if s.ID == id {
			return s, nil
		}
	}
	return job{}, fmt.Errorf("QEMU's job %s has vanished", id)
}
