package program

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fetch is one HTTP request, as wget and curl make it.
type fetch struct {
	url     *url.URL
	method  string
	header  http.Header
	body    string
	timeout time.Duration // of the whole; 0 is none
}

// maxFetched bounds what a container reads of one response.
const maxFetched = 16 << 20

var errNoNetwork = errors.New("network is unreachable")

// do sends the request over the container's network.
func (f fetch) do(ctx context.Context, s Spec) (*http.Response, []byte, error) {
	if s.Dial == nil {
		return nil, nil, errNoNetwork
	}
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	host := f.url.Host
	if f.url.Port() == "" {
		host = net.JoinHostPort(f.url.Hostname(), "80")
	}
	conn, err := s.Dial(ctx, "tcp", host)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	return Exchange(ctx, conn, f.method, f.url.String(), f.header, f.body, maxFetched)
}

// Exchange sends one request over a connection and reads the answer, of whose body
// it returns limit bytes at the most.
func Exchange(ctx context.Context, conn net.Conn, method, address string, header http.Header, body string, limit int64) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header, req.Close = header, true
	if err := req.Write(conn); err != nil {
		return nil, nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	return resp, b, err
}

// target reads a URL, for which both commands take a name alone.
func target(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err == nil && u.Scheme != "http" {
		err = fmt.Errorf("unsupported protocol %s", u.Scheme)
	}
	if err == nil && u.Hostname() == "" {
		err = errors.New("no host in the URL")
	}
	return u, err
}

// Trouble sorts the ways in which a connection fails.
func Trouble(err error) (name, refused, late bool) {
	var dns *net.DNSError
	var timeout net.Error
	name = errors.As(err, &dns)
	refused = errors.Is(err, syscall.ECONNREFUSED)
	late = errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
	return name, refused, late
}

// wget is BusyBox's: -q, -O FILE, -S, -T SECONDS, --spider, --header, --post-data.
func wget(ctx context.Context, c *call) int {
	f := fetch{method: http.MethodGet, header: http.Header{"User-Agent": {"Wget"}}, timeout: 900 * time.Second} // its default
	output, quiet, spider, show := "", false, false, false
	from, err := options(c.args, "OTtPU", func(name, value string) error {
		switch name {
		case "O", "output-document":
			output = value
		case "q", "quiet":
			quiet = true
		case "S", "server-response":
			show = true
		case "spider":
			spider = true
		case "T", "timeout":
			return seconds(value, &f.timeout)
		case "header":
			return header(f.header, value)
		case "post-data":
			f.method, f.body = http.MethodPost, value
		}
		return nil
	})
	if err != nil || len(from) != 1 {
		return c.fail("usage: wget [-q] [-S] [-O FILE] [-T SEC] [--spider] URL")
	}
	if f.url, err = target(from[0]); err != nil {
		return c.fail("wget: %v", err)
	}
	if !quiet {
		fmt.Fprintf(c.err, "Connecting to %s\n", f.url.Host)
	}
	resp, body, err := f.do(ctx, c.shell.spec)
	if err != nil {
		return c.wgetFailed(f, err)
	}
	if show {
		fmt.Fprintf(c.err, "  HTTP/1.1 %s\n", resp.Status)
	}
	if resp.StatusCode >= 400 {
		return c.fail("wget: server returned error: HTTP/1.1 %s", resp.Status)
	}
	if spider {
		return 0
	}
	if output == "" {
		output = strings.TrimPrefix(path.Base(f.url.Path), ".")
		if output == "" || output == "/" {
			output = "index.html"
		}
	}
	return c.save("wget", output, body)
}

func (c *call) wgetFailed(f fetch, err error) int {
	switch name, refused, late := Trouble(err); {
	case name:
		return c.fail("wget: bad address '%s'", f.url.Hostname())
	case refused:
		return c.fail("wget: can't connect to remote host (%s): Connection refused", f.url.Hostname())
	case late:
		return c.fail("wget: download timed out")
	case errors.Is(err, errNoNetwork):
		return c.fail("wget: can't connect to remote host (%s): Network is unreachable", f.url.Hostname())
	}
	return c.fail("wget: error getting response: Connection reset by peer")
}

// save writes what was fetched to a file, or out for the name "-".
func (c *call) save(command, name string, b []byte) int {
	if name == "-" || name == "" {
		_, _ = c.out.Write(b) // ends when the reader does
		return 0
	}
	if _, ok := deviceFor(name, nil, nil); ok {
		return 0
	}
	if err := c.shell.disk.write(c.path(name), b, false); err != nil {
		return c.problem(command, name, err)
	}
	return 0
}

// Exit codes of curl(1).
const (
	curlUsage, curlResolve, curlConnect, curlHTTP, curlTimeout, curlReset = 2, 6, 7, 22, 28, 56
)

// curl knows -s, -S, -f, -i, -I, -o FILE, -m SECONDS, --connect-timeout, -H, -X, -d
// and -w with %{http_code}.
func curl(ctx context.Context, c *call) int {
	f := fetch{method: http.MethodGet, header: http.Header{"User-Agent": {"curl/8.5.0"}, "Accept": {"*/*"}}}
	var output, format string
	var silent, show, fail, headers bool
	from, err := options(c.args, "omHXdwAuxe", func(name, value string) error {
		switch name {
		case "s", "silent":
			silent = true
		case "S", "show-error":
			show = true
		case "f", "fail":
			fail = true
		case "i", "include":
			headers = true
		case "I", "head":
			f.method, headers = http.MethodHead, true
		case "o", "output":
			output = value
		case "m", "max-time", "connect-timeout":
			return seconds(value, &f.timeout)
		case "H", "header":
			return header(f.header, value)
		case "X", "request":
			f.method = value
		case "d", "data":
			f.method, f.body = http.MethodPost, value
		case "w", "write-out":
			format = value
		}
		return nil
	})
	if err != nil || len(from) != 1 {
		c.fail("curl: try 'curl --help' for more information")
		return curlUsage
	}
	if f.url, err = target(from[0]); err != nil {
		c.fail("curl: (3) %v", err)
		return 3
	}
	resp, body, err := f.do(ctx, c.shell.spec)
	code, status := 0, 0
	switch {
	case err != nil:
		code = c.curlFailed(f, err, !silent || show)
	case fail && resp.StatusCode >= 400:
		code, status = curlHTTP, resp.StatusCode
		if !silent || show {
			c.fail("curl: (22) The requested URL returned error: %d", resp.StatusCode)
		}
	default:
		status = resp.StatusCode
		if headers {
			fmt.Fprintf(c.out, "HTTP/1.1 %s\r\n", resp.Status)
			_ = resp.Header.Write(c.out) // ends when the reader does
			fmt.Fprint(c.out, "\r\n")
		}
		code = c.save("curl", output, body)
	}
	if format != "" {
		fmt.Fprint(c.out, strings.NewReplacer("%{http_code}", fmt.Sprintf("%03d", status), "%{response_code}", fmt.Sprintf("%03d", status), `\n`, "\n").Replace(format))
	}
	return code
}

func (c *call) curlFailed(f fetch, err error, show bool) int {
	code, text := curlReset, "Recv failure: Connection reset by peer"
	switch name, refused, late := Trouble(err); {
	case late:
		code, text = curlTimeout, fmt.Sprintf("Connection timed out after %d milliseconds", f.timeout.Milliseconds())
	case name:
		code, text = curlResolve, "Could not resolve host: "+f.url.Hostname()
	case refused, errors.Is(err, errNoNetwork):
		code, text = curlConnect, fmt.Sprintf("Failed to connect to %s: Could not connect to server", f.url.Host)
	}
	if show {
		c.fail("curl: (%d) %s", code, text)
	}
	return code
}

// options reads a command line: letters in withValue take the rest of their word
// or the next one, long names of two and more letters take what is behind "=" or,
// for those in longValues, the next word.
func options(args []string, withValue string, set func(name, value string) error) (operands []string, err error) {
	for i := 0; i < len(args) && err == nil; i++ {
		next := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			err = errors.New("a value is missing")
			return ""
		}
		switch a := args[i]; {
		case strings.HasPrefix(a, "--"):
			name, value, given := strings.Cut(a[2:], "=")
			if !given && longValues[name] {
				value = next()
			}
			err = errors.Join(err, set(name, value))
		case strings.HasPrefix(a, "-") && len(a) > 1:
			for k, letter := range a[1:] {
				if !strings.ContainsRune(withValue, letter) {
					err = errors.Join(err, set(string(letter), ""))
					continue
				}
				value := a[k+2:]
				if value == "" {
					value = next()
				}
				err = errors.Join(err, set(string(letter), value))
				break
			}
		default:
			operands = append(operands, a)
		}
	}
	return operands, err
}

var longValues = map[string]bool{
	"output": true, "max-time": true, "connect-timeout": true, "header": true, "request": true, "data": true, "write-out": true,
	"retry": true, "retry-delay": true, "user-agent": true, "post-data": true, "output-document": true,
}

func seconds(s string, d *time.Duration) error {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > 1e6 {
		return fmt.Errorf("%q is not a number of seconds", s)
	}
	*d = time.Duration(f * float64(time.Second))
	return nil
}

func header(h http.Header, s string) error {
	name, value, ok := strings.Cut(s, ":")
	if !ok {
		return fmt.Errorf("%q is not a header", s)
	}
	h.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	return nil
}

// nslookup asks the cluster's DNS.
func nslookup(ctx context.Context, c *call) int {
	names := c.operands()
	if len(names) == 0 || c.shell.spec.Resolve == nil {
		return c.fail("usage: nslookup HOST")
	}
	var ips []netip.Addr
	ips, err := c.shell.spec.Resolve(ctx, names[0])
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		fmt.Fprintf(c.out, "Server:\t\t10.0.0.10\nAddress:\t10.0.0.10:53\n\n** server can't find %s: NXDOMAIN\n\n", names[0])
		return 1
	case err != nil:
		return c.fail(";; connection timed out; no servers could be reached\n")
	}
	fmt.Fprint(c.out, "Server:\t\t10.0.0.10\nAddress:\t10.0.0.10:53\n\n")
	for _, ip := range ips {
		fmt.Fprintf(c.out, "Name:\t%s\nAddress: %s\n", names[0], ip)
	}
	fmt.Fprintln(c.out)
	return 0
}

// nc only tries whether a port is open, as with -z.
func nc(ctx context.Context, c *call) int {
	limit := 10 * time.Second
	from, err := options(c.args, "w", func(name, value string) error {
		if name == "w" {
			return seconds(value, &limit)
		}
		return nil
	})
	if err != nil || len(from) != 2 || c.shell.spec.Dial == nil {
		return c.fail("usage: nc -z [-v] [-w SEC] HOST PORT")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := c.shell.spec.Dial(ctx, "tcp", net.JoinHostPort(from[0], from[1]))
	if err != nil {
		return c.fail("nc: %s (%s): %v", from[0], from[1], err)
	}
	conn.Close()
	if c.has("v") {
		fmt.Fprintf(c.err, "%s (%s) open\n", from[0], from[1])
	}
	return 0
}
