package backend

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:9443":                         "127.0.0.1:9443",
		" localhost:80 ":                         "127.0.0.1:80",
		"127.8.0.1:1":                            "127.8.0.1:1",
		"[::1]:9443":                             "[::1]:9443",
		"8443=127.0.0.1:9443, 80=localhost:8080": "80=127.0.0.1:8080,8443=127.0.0.1:9443",
		"127.0.0.1:9443,80=127.0.0.1:8080":       "127.0.0.1:9443,80=127.0.0.1:8080",
		"10.0.0.1:80":                            "10.0.0.1:80 is not on this machine: a backend has a loopback address, such as 127.0.0.1:80",
		"[2001:db8::1]:80":                       "is not on this machine",
		"0.0.0.0:80":                             "is not on this machine",
		"example.com:80":                         `"example.com:80" is no address of a program`,
		"127.0.0.1":                              "is no address of a program",
		"127.0.0.1:0":                            "is no address of a program",
		"9443":                                   "is no address of a program",
		"":                                       "is no address of a program",
		"x=127.0.0.1:9443":                       `"x" is no port`,
		"0=127.0.0.1:9443":                       `"0" is no port`,
		"80=127.0.0.1:1,80=127.0.0.1:2":          "port 80 is given twice",
		"127.0.0.1:1,127.0.0.1:2":                "two addresses are for all ports",
		"http://127.0.0.1:80":                    "is no address of a program",
		"80=127.0.0.1:1,":                        "is no address of a program",
		"127.0.0.1:80,8443=192.168.1.1:80":       "192.168.1.1:80 is not on this machine",
		"99999=127.0.0.1:9443":                   `"99999" is no port`,
		"80=[::ffff:127.0.0.1]:80,81=127.0.0.1:1": "80=[::ffff:127.0.0.1]:80,81=127.0.0.1:1",
	} {
		s, err := Parse(text)
		if got := s.String(); err == nil && got != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestOf(t *testing.T) {
	s, err := Parse("127.0.0.1:9443,80=127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	for port, want := range map[int32]string{80: "127.0.0.1:8080", 81: "127.0.0.1:9443"} {
		if to, ok := s.Of(port); !ok || to.String() != want {
			t.Errorf("port %d: got %v, %v, want %s", port, to, ok, want)
		}
	}
	if s, _ = Parse("80=127.0.0.1:8080"); s.All() {
		t.Error("a single port is all")
	}
	if _, ok := s.Of(81); ok {
		t.Error("port 81 has a program")
	}
	if b, err := json.Marshal(struct{ B Set }{s}); err != nil || string(b) != `{"B":"80=127.0.0.1:8080"}` {
		t.Errorf("got %s, %v", b, err)
	}
}
