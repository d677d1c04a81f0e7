package login

import (
	"context"
	"demarc/nodes/program"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"
)

// fetch is one request of curl or wget.
type fetch struct {
	url    *url.URL
	method string
	header http.Header
	body   string
	limit  time.Duration
}

// do makes the request. Behind https there is only the connection: nobody on the other end
// has a certificate that this machine could trust, so an answer is made up: the status of
// the registry's own front page.
func (f fetch) do(ctx context.Context, c *call) (*http.Response, []byte, error) {
	port := f.url.Port()
	secure := f.url.Scheme == "https"
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[secure]
	}
	conn, done, err := c.dial(ctx, "tcp", net.JoinHostPort(f.url.Hostname(), port), f.limit)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	if secure {
		return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Header: http.Header{}}, nil, nil
	}
	return program.Exchange(ctx, conn, f.method, f.url.String(), f.header, f.body, maxRead)
}

func target(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, wording("URL using bad/illegal format or missing URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, wording(fmt.Sprintf("Protocol %q not supported or disabled in libcurl", u.Scheme))
	case u.Hostname() == "":
		return nil, wording("URL using bad/illegal format or missing URL")
	}
	return u, nil
}

// curl knows -s, -S, -f, -i, -I, -k, -L, -v, -o, -m, --connect-timeout, -H, -X, -d and -w.
func curl(ctx context.Context, c *call) int {
	f := fetch{method: http.MethodGet, header: http.Header{"User-Agent": {"curl/7.81.0"}, "Accept": {"*/*"}}}
	output, format := "", ""
	on := map[string]bool{}
	from := options(c.args, "omHXdwAuxe", []string{"output", "max-time", "connect-timeout", "header", "request", "data", "write-out", "retry", "user-agent", "cacert", "cert", "key", "noproxy"}, func(name, value string) {
		on[name] = true
		switch name {
		case "o", "output":
			output = value
		case "m", "max-time", "connect-timeout":
			f.limit, _ = span(value)
		case "H", "header":
			if k, v, ok := strings.Cut(value, ":"); ok {
				f.header.Set(strings.TrimSpace(k), strings.TrimSpace(v))
			}
		case "X", "request":
			f.method = value
		case "d", "data":
			f.method, f.body = http.MethodPost, value
		case "I", "head":
			f.method = http.MethodHead
		case "w", "write-out":
			format = value
		}
	})
	show := !on["s"] && !on["silent"] || on["S"] || on["show-error"]
	if len(from) == 0 {
		c.fail("curl: try 'curl --help' or 'curl --manual' for more information")
		return 2
	}
	var err error
	if f.url, err = target(from[0]); err != nil {
		c.fail("curl: (3) %v", err)
		return 3
	}
	began := time.Now()
	resp, body, err := f.do(ctx, c)
	code, status := 0, 0
	switch {
	case err != nil:
		var text string
		code, text = curlTrouble(f, err, time.Since(began))
		if show {
			c.fail("curl: (%d) %s", code, text)
		}
	case (on["f"] || on["fail"]) && resp.StatusCode >= 400:
		code, status = 22, resp.StatusCode
		if show {
			c.fail("curl: (22) The requested URL returned error: %d", status)
		}
	default:
		status = resp.StatusCode
		if on["i"] || on["I"] || on["include"] || on["head"] {
			c.printf("HTTP/1.1 %s\r\n", resp.Status)
			_ = resp.Header.Write(c.out) // ends when the reader does
			c.printf("\r\n")
		}
		code = c.save(output, body)
	}
	c.printf("%s", strings.NewReplacer("%{http_code}", fmt.Sprintf("%03d", status), "%{response_code}", fmt.Sprintf("%03d", status),
		"%{time_total}", fmt.Sprintf("%.6f", time.Since(began).Seconds()), `\n`, "\n").Replace(format))
	return code
}

// curlTrouble is curl's exit code and its words for a connection that failed.
func curlTrouble(f fetch, err error, took time.Duration) (int, string) {
	switch name, refused, late := program.Trouble(err); {
	case late:
		return 28, fmt.Sprintf("Connection timed out after %d milliseconds", took.Milliseconds())
	case name:
		return 6, "Could not resolve host: " + f.url.Hostname()
	case refused, errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		port := f.url.Port()
		if port == "" {
			port = map[string]string{"https": "443", "http": "80"}[f.url.Scheme]
		}
		why := "Connection refused"
		if !refused {
			why = "No route to host"
		}
		return 7, fmt.Sprintf("Failed to connect to %s port %s after %d ms: %s", f.url.Hostname(), port, took.Milliseconds(), why)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return 7, fmt.Sprintf("Failed to connect to %s: Operation not permitted", f.url.Hostname())
	}
	return 56, "Recv failure: Connection reset by peer"
}

// save writes what was fetched to a file, or out.
func (c *call) save(name string, b []byte) int {
	if name == "-" || name == "" {
		_, _ = c.out.Write(b) // ends when the reader does
		return 0
	}
	full := c.path(name)
	if _, ok := device(full, nil, nil); ok {
		return 0
	}
	if err := c.s.write(c.user, full, b, false); err != nil {
		c.fail("%s: (23) Failure writing output to destination: %s", c.name, reason(err))
		return 23
	}
	return 0
}

// wget knows -q, -O, -T, --spider and --timeout.
func wget(ctx context.Context, c *call) int {
	f := fetch{method: http.MethodGet, header: http.Header{"User-Agent": {"Wget/1.21.2"}}}
	output, quiet, spider := "", false, false
	from := options(c.args, "OTtPU", []string{"timeout", "tries", "output-document"}, func(name, value string) {
		switch name {
		case "O", "output-document":
			output = value
		case "T", "timeout":
			f.limit, _ = span(value)
		case "q", "quiet":
			quiet = true
		case "spider":
			spider = true
		}
	})
	say := func(format string, args ...any) {
		if !quiet {
			fmt.Fprintf(c.err, format+"\n", args...)
		}
	}
	if len(from) == 0 {
		return c.fail("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.")
	}
	var err error
	if f.url, err = target(from[0]); err != nil {
		return c.fail("%s: Invalid host name.", from[0])
	}
	resp, body, err := f.do(ctx, c)
	if err != nil {
		switch name, refused, late := program.Trouble(err); {
		case name:
			say("wget: unable to resolve host address ‘%s’", f.url.Hostname())
		case refused:
			say("Connecting to %s... failed: Connection refused.", f.url.Host)
		case late:
			say("Connecting to %s... failed: Connection timed out.\nGiving up.\n", f.url.Host)
		default:
			say("Connecting to %s... failed: %v.", f.url.Host, err)
		}
		return 4
	}
	say("HTTP request sent, awaiting response... %s", resp.Status)
	if resp.StatusCode >= 400 {
		return 8
	}
	if spider {
		return 0
	}
	if output == "" {
		if output = path.Base(f.url.Path); output == "." || output == "/" {
			output = "index.html"
		}
	}
	return c.save(output, body)
}
