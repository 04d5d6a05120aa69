// Checks a server with the Go package golang.org/x/net/websocket, which nobody here wrote.
//
//	target/clients/go_client ws://127.0.0.1:PORT
//
// Expects the services that python_client.py describes, but for /deflate, since the package does
// not compress. Prints a line per check, and last "N passed, N failed"; the exit status is 1 if
// one failed.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/net/websocket"
)

// For each check as a whole, and so for every wait in it, however slow the machine is.
const deadline = 120 * time.Second
const messageBytesMax = 2 << 20

// One to four bytes per character.
const unicode = "a\u00e9\u20ac\u4e16\U0001f600"

var base = strings.TrimSuffix(os.Args[1], "/")

// The slash at the end of the origin is that of the package's own example.
func open(path, protocol string) (*websocket.Conn, error) {
	origin := strings.Replace(base, "ws://", "http://", 1) + "/"
	socket, err := websocket.Dial(base+path, protocol, origin)
	if err == nil {
		err = socket.SetDeadline(time.Now().Add(deadline))
	}
	return socket, err
}

// What has to be sent back, one after the other: each is a string, or bytes.
func echoes(messages ...interface{}) error {
	socket, err := open("/echo", "")
	if err != nil {
		return err
	}
	defer socket.Close()
	for _, message := range messages {
		if err := websocket.Message.Send(socket, message); err != nil {
			return err
		}
	}
	for n, message := range messages {
		kind, data, err := next(socket)
		if err != nil {
			return err
		}
		wanted, isBinary := message.([]byte)
		if !isBinary {
			wanted = []byte(message.(string))
		}
		if (kind == websocket.BinaryFrame) != isBinary || !bytes.Equal(data, wanted) {
			return fmt.Errorf("echo %d is of kind %d and of %d bytes", n, kind, len(data))
		}
	}
	return nil
}

func next(socket *websocket.Conn) (byte, []byte, error) {
	frame, err := socket.NewFrameReader()
	if err != nil {
		return 0, nil, err
	}
	data, err := io.ReadAll(frame)
	return frame.PayloadType(), data, err
}

func write(socket *websocket.Conn, kind byte, data []byte) error {
	frame, err := socket.NewFrameWriter(kind)
	if err == nil {
		_, err = frame.Write(data)
	}
	return err
}

func ping(payload string) error {
	socket, err := open("/echo", "")
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := write(socket, websocket.PingFrame, []byte(payload)); err != nil {
		return err
	}
	kind, data, err := next(socket)
	if err != nil || kind != websocket.PongFrame || string(data) != payload {
		return fmt.Errorf("a frame of kind %d instead of a pong: %q, %v", kind, data, err)
	}
	return nil
}

func closesFromHere(code uint16, reason string) error {
	socket, err := open("/echo", "")
	if err != nil {
		return err
	}
	defer socket.Close()
	payload := append(binary.BigEndian.AppendUint16(nil, code), reason...)
	if err := write(socket, websocket.CloseFrame, payload); err != nil {
		return err
	}
	return closed(socket, code, "")
}

func closesFromThere(code uint16, reason string) error {
	socket, err := open("/close", "")
	if err != nil {
		return err
	}
	defer socket.Close()
	err = websocket.Message.Send(socket, fmt.Sprintf("%d %s", code, reason))
	if err != nil {
		return err
	}
	return closed(socket, code, reason)
}

func closed(socket *websocket.Conn, code uint16, reason string) error {
	kind, data, err := next(socket)
	if err != nil || kind != websocket.CloseFrame || len(data) < 2 {
		return fmt.Errorf("a frame of kind %d instead of a close: %v", kind, err)
	}
	found := binary.BigEndian.Uint16(data)
	if found != code || reason != "" && string(data[2:]) != reason {
		return fmt.Errorf("closed with %d %q, not with %d %q", found, data[2:], code, reason)
	}
	return nil
}

func tooLongMessage() error {
	socket, err := open("/echo", "")
	if err != nil {
		return err
	}
	defer socket.Close()
	// The server need not read all of it before it closes.
	_ = websocket.Message.Send(socket, make([]byte, messageBytesMax+1))
	return closed(socket, 1009, "")
}

func subprotocol() error {
	socket, err := open("/protocol", "chat.v1")
	if err != nil {
		return err
	}
	defer socket.Close()
	if agreed := socket.Config().Protocol; len(agreed) != 1 || agreed[0] != "chat.v1" {
		return fmt.Errorf("the agreement is %q", agreed)
	}
	return nil
}

// The package tells no more than that the status is not 101.
func refuses(path string) error {
	_, err := open(path, "")
	var refused *websocket.DialError
	if !errors.As(err, &refused) || refused.Err != websocket.ErrBadStatus {
		return fmt.Errorf("%v instead of a refusal", err)
	}
	return nil
}

type check struct {
	name string
	run  func() error
}

func checks() (all []check) {
	add := func(name string, run func() error) { all = append(all, check{name, run}) }
	add("text of many alphabets", func() error { return echoes(strings.Repeat(unicode, 1000)) })
	// Around the lengths where the frame header takes another form.
	for _, size := range []int{0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20, messageBytesMax} {
		text := strings.Repeat("t", size)
		add(fmt.Sprintf("text of %d bytes", size), func() error { return echoes(text) })
		data := bytes.Repeat([]byte{0xff}, size)
		add(fmt.Sprintf("binary of %d bytes", size), func() error { return echoes(data) })
	}
	add("200 messages in flight", func() error {
		var messages []interface{}
		for n := 0; n < 100; n++ {
			messages = append(messages, strings.Repeat("x", n), bytes.Repeat([]byte{byte(n)}, n))
		}
		return echoes(messages...)
	})
	add("ping without payload", func() error { return ping("") })
	add("ping with 125 bytes", func() error { return ping(strings.Repeat("p", 125)) })
	reasons := map[uint16]string{1000: "done", 4001: "so long", 4999: strings.Repeat("\u00e9", 61)}
	for code, reason := range reasons {
		code, reason := code, reason
		add(fmt.Sprintf("close with %d", code), func() error { return closesFromHere(code, reason) })
		add(fmt.Sprintf("closed with %d", code), func() error { return closesFromThere(code, reason) })
	}
	add("subprotocol in common", subprotocol)
	add("refused with 403", func() error { return refuses("/private") })
	add("not found", func() error { return refuses("/nowhere") })
	add("too long a message", tooLongMessage)
	return all
}

func main() {
	all, failed := checks(), 0
	for _, check := range all {
		timer := time.AfterFunc(deadline, func() {
			fmt.Printf("FAILED %s: no end within %v\n", check.name, deadline)
			os.Exit(1)
		})
		if err := check.run(); err != nil {
			failed++
			fmt.Printf("FAILED %s: %v\n", check.name, err)
		} else {
			fmt.Printf("ok %s\n", check.name)
		}
		timer.Stop()
	}
	fmt.Printf("%d passed, %d failed\n", len(all)-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
