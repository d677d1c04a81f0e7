package shell

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"
)

// request is what curl or wget asks for.
type request struct {
	url    *url.URL
	method string
	header http.Header
	body   string
	limit  time.Duration
	// connect is how long the connection may take; 0 is the kernel's.
	connect time.Duration
	// insecure says that any certificate will do; authority is a file of whom it trusts.
	insecure  bool
	authority string
}

// connectTime is how long a connection may take that was given no limit: the kernel's own.
const connectTime = 130 * time.Second

// Dial connects within a limit; 0 is the kernel's.
func (c *Call) Dial(ctx context.Context, network, address string, limit time.Duration) (net.Conn, context.CancelFunc, error) {
	if limit <= 0 {
		limit = connectTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	conn, err := c.Shell.Dial(ctx, network, address)
	if err == nil && conn == nil {
		err = syscall.ENETUNREACH
	}
	if err != nil {
		cancel()
		return nil, func() {}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return conn, func() { stop(); conn.Close(); cancel() }, nil
}

// send makes the request and returns the answer with its body. Behind https a system that is
// not [Secure] finds only the connection, so an answer is made up: the status of the
// registry's own front page.
func (c *Call) send(ctx context.Context, r request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(cmp.Or(r.connect, connectTime), cancel)
	conn, done, err := c.Dial(ctx, "tcp", net.JoinHostPort(r.url.Hostname(), r.port()), r.limit)
	if !late.Stop() && err != nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		return nil, nil, err
	}
	defer done()
	if r.url.Scheme == "https" {
		if s, ok := c.Shell.System.(Secure); ok {
			if authorities, ok := s.Authorities(); ok {
				return c.secure(ctx, conn, authorities, r)
			}
		}
		return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Header: http.Header{}}, nil, nil
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), strings.NewReader(r.body))
	if err != nil {
		return nil, nil, err
	}
	req.Header, req.Close = r.header, true
	if err := req.Write(conn); err != nil {
		return nil, nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := c.memory.ReadAll(ctx, io.LimitReader(resp.Body, MaxRead))
	return resp, b, err
}

func (r request) port() string {
	return cmp.Or(r.url.Port(), map[string]string{"https": "443", "http": "80"}[r.url.Scheme])
}

// errURL is curl's word for what is not an address.
var errURL = errors.New("URL using bad/illegal format or missing URL")

// target reads a URL, for which a name alone stands too.
func (c *Call) target(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, errURL
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf(c.say("Protocol %q not supported or disabled in libcurl", "unsupported protocol %s"), u.Scheme)
	}
	return u, nil
}

// take takes the options that curl and wget have both: a limit, headers such as
// "Accept: */*", and what is to be posted.
func (r *request) take(o *Options) {
	if o.Has("max-time") {
		r.limit, _ = Span(o.Value("max-time"))
	}
	if o.Has("connect-timeout") {
		r.connect, _ = Span(o.Value("connect-timeout"))
	}
	for _, h := range o.All("header") {
		if name, value, ok := strings.Cut(h, ":"); ok {
			r.header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	r.insecure, r.authority = o.Has("k"), o.Value("cacert")
	if o.Has("data") {
		r.method, r.body = http.MethodPost, o.Value("data")
	}
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

// curl knows -s, -S, -f, -i, -I, -k, -L, -v, -o, -m, --cacert, --connect-timeout, -H, -X, -d
// and -w.
func curl(ctx context.Context, c *Call) int {
	r := request{method: http.MethodGet, header: http.Header{"User-Agent": {c.say("curl/7.81.0", "curl/8.5.0")}, "Accept": {"*/*"}}}
	o := c.Options("o,output= max-time,m= connect-timeout= interface= header,H= X,request= data,d= w,write-out= A,user-agent= u,user= x= e= retry= retry-delay= cacert= cert= key= noproxy= " +
		"k,insecure I,head i,include f,fail s,silent S,show-error")
	r.take(o)
	if o.Has("I") {
		r.method = http.MethodHead
	}
	r.method = cmp.Or(o.Value("X"), r.method)
	show := !o.Has("s") || o.Has("S")
	if len(o.Operands) == 0 {
		return c.Quit(2, "curl: try 'curl --help' or 'curl --manual' for more information")
	}
	var err error
	if r.url, err = c.target(o.Operands[0]); err != nil {
		return c.Quit(3, "curl: (3) %v", err)
	}
	began := time.Now()
	resp, body, err := c.send(ctx, r)
	code, status := 0, 0
	switch {
	case err != nil:
		var text string
		code, text = c.curlTrouble(r, err, time.Since(began))
		if show {
			c.Fail("curl: (%d) %s", code, text)
		}
	case o.Has("f") && resp.StatusCode >= 400:
		code, status = 22, resp.StatusCode
		if show {
			c.Fail("curl: (22) The requested URL returned error: %d", status)
		}
	default:
		status = resp.StatusCode
		if o.Has("i", "I") {
			c.Printf("HTTP/1.1 %s\r\n", resp.Status)
			_ = resp.Header.Write(c.Out) // ends when the reader does
			c.Printf("\r\n")
		}
		code = c.save(o.Value("o"), body)
	}
	c.Printf("%s", strings.NewReplacer("%{http_code}", fmt.Sprintf("%03d", status), "%{response_code}", fmt.Sprintf("%03d", status),
		"%{time_total}", fmt.Sprintf("%.6f", time.Since(began).Seconds()), `\n`, "\n").Replace(o.Value("w")))
	return code
}

// curlTrouble is curl's exit code and its words for a connection that failed.
func (c *Call) curlTrouble(r request, err error, took time.Duration) (int, string) {
	why := untrusted(err, r.url.Hostname())
	switch name, refused, late := Trouble(err); {
	case err == errAuthority:
		return 77, fmt.Sprintf("%v:  CAfile: %s CApath: none", err, r.authority)
	case why != "":
		return 60, why + moreOfCertificates
	case late:
		return 28, fmt.Sprintf("Connection timed out after %d milliseconds", took.Milliseconds())
	case name:
		return 6, "Could not resolve host: " + r.url.Hostname()
	case !c.Shell.GNU && (refused || errors.Is(err, syscall.ENETUNREACH)):
		return 7, fmt.Sprintf("Failed to connect to %s: Could not connect to server", r.url.Host)
	case refused, errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		why := "Connection refused"
		if !refused {
			why = "No route to host"
		}
		return 7, fmt.Sprintf("Failed to connect to %s port %s after %d ms: %s", r.url.Hostname(), r.port(), took.Milliseconds(), why)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return 7, fmt.Sprintf("Failed to connect to %s: Operation not permitted", r.url.Hostname())
	}
	return 56, "Recv failure: Connection reset by peer"
}

// save writes what was fetched to a file, or out.
func (c *Call) save(name string, b []byte) int {
	if name == "-" || name == "" {
		_, _ = c.Out.Write(b) // ends when the reader does
		return 0
	}
	if IsDevice(c.Path(name)) {
		return 0
	}
	err := c.Shell.Write(c.User, c.Path(name), b, false)
	switch {
	case err == nil:
		return 0
	case !c.Shell.GNU:
		return c.Problem(name, err)
	}
	return c.Quit(23, "%s: (23) Failure writing output to destination: %s", c.Name, Reason(err))
}

// wget knows -q, -O, -S, -T, --spider, --header and --post-data.
func wget(ctx context.Context, c *Call) int {
	r := request{method: http.MethodGet, header: http.Header{"User-Agent": {c.say("Wget/1.21.2", "Wget")}}}
	if !c.Shell.GNU {
		r.limit = 900 * time.Second // its default
	}
	o := c.Options("O,output-document= max-time,T,timeout= t,tries= P= U,user-agent= header= data,post-data= cacert,ca-certificate= k,no-check-certificate q,quiet S,server-response")
	r.take(o)
	r.insecure = r.insecure || !c.Shell.GNU // BusyBox does not look at certificates
	quiet, output := o.Has("q"), o.Value("O")
	if len(o.Operands) == 0 {
		return c.Fail("%s", c.say("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.", "usage: wget [-q] [-S] [-O FILE] [-T SEC] [--spider] URL"))
	}
	var err error
	if r.url, err = c.target(o.Operands[0]); err != nil {
		return c.Fail(c.say("%[1]s: Invalid host name.", "wget: %[2]v"), o.Operands[0], err)
	}
	if !quiet && !c.Shell.GNU {
		c.Fail("Connecting to %s", r.url.Host)
	}
	resp, body, err := c.send(ctx, r)
	switch {
	case err != nil:
		return c.wgetTrouble(r, err, quiet)
	case c.Shell.GNU && !quiet:
		c.Fail("HTTP request sent, awaiting response... %s", resp.Status)
	case o.Has("S"):
		c.Fail("  HTTP/1.1 %s", resp.Status)
	}
	if resp.StatusCode >= 400 {
		if c.Shell.GNU {
			return 8
		}
		return c.Fail("wget: server returned error: HTTP/1.1 %s", resp.Status)
	}
	if o.Has("spider") {
		return 0
	}
	if output == "" {
		if output = path.Base(r.url.Path); output == "." || output == "/" {
			output = "index.html"
		}
	}
	return c.save(output, body)
}

// wgetTrouble says what is wrong with a connection.
func (c *Call) wgetTrouble(r request, err error, quiet bool) int {
	name, refused, late := Trouble(err)
	host := r.url.Hostname()
	var text string
	if c.Shell.GNU && untrusted(err, host) != "" {
		if !quiet {
			c.Fail("ERROR: cannot verify %s's certificate:\n  Unable to locally verify the issuer's authority.\nTo connect to %[1]s insecurely, use `--no-check-certificate'.", host)
		}
		return 5
	}
	if c.Shell.GNU {
		text = fmt.Sprintf("Connecting to %s... failed: %v.", r.url.Host, err)
		switch {
		case name:
			text = fmt.Sprintf("wget: unable to resolve host address ‘%s’", host)
		case refused:
			text = fmt.Sprintf("Connecting to %s... failed: Connection refused.", r.url.Host)
		case late:
			text = fmt.Sprintf("Connecting to %s... failed: Connection timed out.\nGiving up.\n", r.url.Host)
		}
		if !quiet {
			c.Fail("%s", text)
		}
		return 4
	}
	switch {
	case name:
		text = fmt.Sprintf("bad address '%s'", host)
	case refused:
		text = fmt.Sprintf("can't connect to remote host (%s): Connection refused", host)
	case late:
		text = "download timed out"
	case errors.Is(err, syscall.ENETUNREACH):
		text = fmt.Sprintf("can't connect to remote host (%s): Network is unreachable", host)
	default:
		text = "error getting response: Connection reset by peer"
	}
	return c.Fail("wget: %s", text)
}
