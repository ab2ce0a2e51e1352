// JSON-RPC 2.0 over a stream, framed as the Language Server Protocol has it.

package lsp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// maxMessage is the size of the largest message that is read, in bytes: the
// largest kickstart file, every byte of it escaped as in "\u0001", and what
// stands around it.
const maxMessage = 6*kickstart.MaxSize + 1<<20

// message is a request, notification or response.
type message struct {
	Version string           `json:"jsonrpc"`
	ID      *json.RawMessage `json:"id,omitempty"` // absent in notifications
	Method  string           `json:"method,omitempty"`
	Params  json.RawMessage  `json:"params,omitempty"`
	Result  any              `json:"result,omitempty"`
	Error   *rpcError        `json:"error,omitempty"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error codes of JSON-RPC and of the protocol.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeNoMethod       = -32601
	codeInvalidParams  = -32602
	codeNotInitialized = -32002
)

// null is a result that is there and says nothing.
var null = json.RawMessage("null")

// errSyntax is a message whose frame was right and whose contents are not JSON.
var errSyntax = errors.New("not a JSON message")

// readMessage reads one message. io.EOF means that the client has gone.
func readMessage(r *bufio.Reader) (*message, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", errSyntax, err)
	}
	return &m, nil
}

func readBody(r *bufio.Reader) ([]byte, error) {
	size, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	// Read as it comes: the length is only a promise.
	body, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil {
		return nil, fmt.Errorf("lsp: %w", err)
	}
	if len(body) < size {
		return nil, fmt.Errorf("lsp: message: %w", io.ErrUnexpectedEOF)
	}
	return body, nil
}

// maxHeader is the longest header that is read; clients send about 20 bytes.
const maxHeader = 4096

// readHeader reads the lines before a message and returns its length
// (3.17, base protocol). What else a header says is not looked at.
func readHeader(r *bufio.Reader) (int, error) {
	size := -1
	for read := 0; ; {
		line, err := r.ReadSlice('\n')
		read += len(line)
		switch {
		case read > maxHeader || errors.Is(err, bufio.ErrBufferFull):
			return 0, fmt.Errorf("lsp: a header of more than %d bytes", maxHeader)
		case errors.Is(err, io.EOF) && read == 0:
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			return 0, fmt.Errorf("lsp: header: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return 0, fmt.Errorf("lsp: header: %w", err)
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return 0, fmt.Errorf("lsp: header line %q has no colon", text)
		}
		if !strings.EqualFold(name, "Content-Length") {
			continue
		}
		value = strings.TrimSpace(value)
		if size, err = strconv.Atoi(value); err != nil || size < 0 || size > maxMessage {
			return 0, fmt.Errorf("lsp: Content-Length %q: want 0 to %d", value, maxMessage)
		}
	}
	if size < 0 {
		return 0, errors.New("lsp: a header without Content-Length")
	}
	return size, nil
}

func writeMessage(w io.Writer, m message) error {
	m.Version = "2.0"
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n%s", len(body), body))
	return err
}
