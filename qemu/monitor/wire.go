package monitor

// The bytes: one JSON object a line, as QEMU writes it when its monitor is not
// told to be pretty.

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/digitalocean/go-qemu/qmp"
)

// maxLine bounds one message. The largest known, query-qmp-schema's answer, is
// 200 KiB; qom-list-types and query-cpu-definitions are of that size too.
const maxLine = 64 << 20

type wireError struct {
	Class string `json:"class"`
	Desc  string `json:"desc"`
}

// message is an answer (Return or Error, with ID) or an event.
type message struct {
	Event  *qmp.Event
	ID     *uint64 // nil: no identifier, or one that is not ours
	Return json.RawMessage
	Error  *wireError
}

// readLine returns the next line without its end, in memory of its own. A line
// of more than max bytes is an error; so is an unfinished one at the end.
func readLine(r *bufio.Reader, max int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > max {
			return nil, fmt.Errorf("QMP message of more than %d bytes", max)
		}
		line = append(line, part...)
		switch {
		case err == nil:
			for n := len(line); n > 0 && (line[n-1] == '\n' || line[n-1] == '\r'); n-- {
				line = line[:n-1]
			}
			if len(line) == 0 {
				continue // QEMU sends none; a person on a socket may
			}
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// decode reads one message. Unknown members are skipped.
func decode(line []byte) (message, error) {
	var w struct {
		Event     *string         `json:"event"`
		Data      map[string]any  `json:"data"`
		Timestamp json.RawMessage `json:"timestamp"`
		ID        json.RawMessage `json:"id"`
		Return    json.RawMessage `json:"return"`
		Error     *wireError      `json:"error"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return message{}, fmt.Errorf("QMP message %.80q: %w", line, err)
	}
	if w.Event != nil {
		e := &qmp.Event{Event: *w.Event, Data: w.Data}
		// QEMU gives -1 for both when the host's clock cannot be read: no reason to lose the event.
		json.Unmarshal(w.Timestamp, &e.Timestamp)
		return message{Event: e}, nil
	}
	if w.Return == nil && w.Error == nil {
		return message{}, fmt.Errorf("QMP message %.80q: neither event nor answer", line)
	}
	m := message{Return: w.Return, Error: w.Error}
	var id uint64
	if json.Unmarshal(w.ID, &id) == nil {
		m.ID = &id
	}
	return m, nil
}

// noEOF names a connection that ended where a message was due.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
