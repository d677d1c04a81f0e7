package traffic

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// exchange sends a request over a connection and reads the whole response. A
// transport would keep two goroutines for each connection; a client that asks
// once needs none.
func exchange(conn net.Conn, req *http.Request) (*http.Response, error) {
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return nil, err
	}
	return resp, nil
}
