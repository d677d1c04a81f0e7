package kubelet

import (
	"fmt"
	"html"
	"net/http"
	"path"
	"strings"
)

// logDir is the directory that a kubelet serves below /logs/.
const logDir = "/var/log"

// nodeLogs serves the files of the node's /var/log, and directories as links, as
// kubectl get --raw /api/v1/nodes/NODE/proxy/logs/ shows them.
func (s *server) nodeLogs(w http.ResponseWriter, r *http.Request) {
	name := path.Join(logDir, path.Clean("/"+r.PathValue("file")))
	s.ks.Lock.Lock()
	os := dialled(r).m.OS
	f, err := os.Stat(name)
	var text []byte
	var links strings.Builder
	switch {
	case err != nil:
	case f.Dir:
		files, _ := os.List(name) // it is there
		for _, x := range files {
			base := path.Base(x.Path)
			if x.Dir {
				base += "/"
			}
			fmt.Fprintf(&links, "<a href=\"%s\">%[1]s</a>\n", html.EscapeString(base))
		}
	default:
		text, err = os.Read(name)
	}
	s.ks.Lock.Unlock()
	switch {
	case err != nil:
		http.NotFound(w, r)
	case f.Dir:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n%s</pre>\n", links.String())
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(text) // ends when the client does
	}
}
