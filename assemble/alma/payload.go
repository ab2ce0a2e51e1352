// The progress port's log, as a bundle has it.

package alma

import (
	"bytes"
	"io"

	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/kickstart/render"
)

// payloadFilter leaves the BASE64 of "imgasm1 NONCE log NAME BASE64" lines out:
// the bundle has those logs as files, and a secret in base64 cannot be found.
// Lines keep their numbers.
type payloadFilter struct {
	w     io.Writer
	words int    // blanks seen in this line
	head  []byte // the line's first words, while it may be such a line
	state payloadState
}

type payloadState int

const (
	payloadHead  payloadState = iota // in the first four words
	payloadOther                     // another line: passed on
	payloadSkip                      // in the payload
)

// payloadHeadMax bounds the first four words: "imgasm1", 16 digits, "log", a file name.
const payloadHeadMax = 512

func (f *payloadFilter) Write(p []byte) (int, error) {
	var out bytes.Buffer
	for _, c := range p {
		if c == '\n' {
			out.WriteByte(c)
			f.words, f.head, f.state = 0, f.head[:0], payloadHead
			continue
		}
		switch f.state {
		case payloadSkip:
		case payloadOther:
			out.WriteByte(c)
		case payloadHead:
			out.WriteByte(c)
			f.head = append(f.head, c)
			if c != ' ' {
				if len(f.head) > payloadHeadMax {
					f.state = payloadOther
				}
				continue
			}
			switch f.words++; {
			case f.words == 1 && string(f.head) != render.LogPrefix, f.words == 3 && !bytes.HasSuffix(f.head, []byte(" log ")):
				f.state = payloadOther
			case f.words == 4:
				out.WriteString("(see " + watch.InstallerLogs + "/)")
				f.state = payloadSkip
			}
		}
	}
	if _, err := f.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}
